"""A strict fake of Azure's deployments of OpenAI's image models: at `/openai/v1`, or each at an address of its own."""

import re
from typing import Optional

from . import openai_edits as edits
from . import openai_rules as rules
from .behaviours import Json
from .case import Case, Probe
from .edited import edited
from .multipart import NotAForm
from .openai_like import HTML, OpenAiLike, sent

DEPLOYMENTS = {"gpt-image-1.5": "gpt-image-1.5", "gpt-image-1": "gpt-image-1", "gpt-image-2": "gpt-image-2",
               "gpt-image-2.5-flare": "gpt-image-2.5-flare", "house": "gpt-image-2"}  # and what is deployed there; in any case
API_VERSION = "api-version=2025-04-01-preview"
SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
VIOLENT = {**SAFE, "violence": {"filtered": True, "severity": "high"}}


def error(status: int, code: Optional[str], message: str, headers: Optional[dict] = None, /, **more):
    return Json({"error": {"code": code, "message": message, **more}}, status, headers)


class Azure(OpenAiLike):
    """The errors and keys of all of Azure's image APIs."""

    def error(self, status, message, param=None):
        return error(status, str(status), message)

    def wrong_key(self, request):
        given = request.headers.get("api-key")
        if given is None:
            return super().wrong_key(request)
        if given not in self.keys:
            return Json({"statusCode": 401, "message": "Access denied due to invalid subscription key."}, 401)


class AzureOpenAi(Azure):
    """`by_path`: the older addresses, which have the deployment in them, and a version behind."""

    base = "/openai/v1"
    fields = {}

    def __init__(self, by_path=False, **options):
        super().__init__(**options)
        self.by_path = by_path
        if by_path:
            self.url = self.origin + "/openai"

    def is_scripted(self, head) -> bool:
        if self.by_path:
            return self._deployment(head.path) is not None
        return super().is_scripted(head) or head.path == self.base + "/images/edits"

    @staticmethod
    def _deployment(path):
        match = re.fullmatch("/openai/deployments/([^/]+)/images/(?:generations|edits)", path)
        return match and match[1]

    def wrong_address(self, request):
        allowed = (API_VERSION,) if self.by_path else ("", "api-version=v1", "api-version=preview")
        if request.method != "POST" or not self.is_scripted(request) or request.query not in allowed:
            return error(404, "404", "Resource not found")

    def body_of(self, request):
        if not request.path.endswith("/edits"):
            return request.json
        fields, files = edits.read_edit(request)
        return {**fields, "files": files}

    def wrong_edit(self, request):
        """Its forms are OpenAI's, but for the formats that it takes."""
        try:
            fields, files = edits.read_edit(request)
        except (NotAForm, KeyError, ValueError) as problem:
            return error(400, "BadRequest", str(problem))
        model = DEPLOYMENTS.get((self._deployment(request.path) or fields.get("model", "")).lower())
        if model is None:
            return error(404, "DeploymentNotFound", "The API deployment for this resource does not exist.")
        if any(one.type not in ("image/png", "image/jpeg") for one in files):
            return error(400, "unsupported_file_mimetype", "Only PNG and JPEG images are supported.", param="image")
        problem = edits.form_problem(fields, files, model)
        return problem and Json(problem.envelope, problem.status)

    def made(self, body, number):
        if "files" not in body:
            return super().made(body, number)
        return edited(edits.images_of(body["files"])[0].content, edits.mask_of(body["files"]), "alpha",
                      output_format=self.format(body).upper())

    def wrong_body(self, request):
        if request.path.endswith("/edits"):
            return self.wrong_edit(request)
        body = request.json
        if request.headers.get("content-type") != "application/json" or not isinstance(body, dict):
            return error(400, "BadRequest", "The body is not a JSON object.")
        model = DEPLOYMENTS.get((self._deployment(request.path) or str(body.get("model"))).lower())
        if model is None:
            return error(404, "DeploymentNotFound", "The API deployment for this resource does not exist.")
        if body.get("output_format") == "webp":
            return error(400, "invalid_value", "Invalid value: 'webp'. Supported values are: 'png', and 'jpeg'.",
                         param="output_format")
        problem = rules.gpt_problem(body, model)
        return problem and Json(problem.envelope, problem.status)

    def size(self, body):
        size = body.get("size", "auto")
        return (1024, 1024) if size == "auto" else tuple(map(int, size.split("x")))

    def document(self, body, data):
        made = [{**one, "content_filter_results": SAFE, "prompt_filter_results": SAFE} for one in data]
        tokens = 196 * len(data)
        return {"created": 1698342300, "data": made,
                "usage": {"total_tokens": 14 + tokens, "input_tokens": 14, "output_tokens": tokens,
                          "input_tokens_details": {"text_tokens": 14, "image_tokens": 0}}}


_REJECTED = "Your request was rejected as a result of our safety system."
ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "unknown_parameter": error(400, "unknown_parameter", "Unknown parameter: 'response_format'.",
                                   type="invalid_request_error", param="response_format"),
        "invalid_value": error(400, "invalid_value", "Invalid value: 'webp'.", type="invalid_request_error",
                               param="output_format"),
        "bad_request": error(400, "BadRequest", "The request is not right."),
    },
    "refused_by_policy": {
        "content_filter_of_the_task": Json({"created": 1698435368, "error": {
            "code": "contentFilter", "message": "Your task failed as a result of our safety system."}}, 400),
        "filtered_image": Json({"created": 1698435368, "error": {
            "code": "contentFilter", "message": "Generated image was filtered as a result of our safety system."}}),
        "inner_error": error(400, "content_policy_violation", _REJECTED, type="invalid_request_error", param=None,
                             inner_error={"code": "ResponsibleAIPolicyViolation", "content_filter_results": VIOLENT}),
        "innererror": error(400, "content_filter", "filtered", status=400, param="prompt", type=None,
                            innererror={"code": "ResponsibleAIPolicyViolation", "content_filter_result": VIOLENT}),
        "inner_code_alone": error(400, None, _REJECTED, innererror={"code": "ResponsibleAIPolicyViolation"}),
        "moderation_blocked": error(400, "moderation_blocked", _REJECTED, type="image_generation_user_error"),
        "annotations_and_no_image": Json({"created": 1698342300, "data": [{"content_filter_results": VIOLENT}]}),
    },
    "our_credentials": {
        "edge": Json({"statusCode": 401, "message": "Access denied due to invalid subscription key."}, 401),
        "wrong_resource": error(401, "401", "Access denied due to invalid subscription key or wrong API endpoint."),
        "missing_role": error(401, "PermissionDenied", "The principal lacks the required data action."),
        "resource_blocked": error(403, "Forbidden", "Your resource has been temporarily blocked because we detected "
                                  "behavior that may violate our content policy."),
        "firewall": error(403, "403", "Access denied due to Virtual Network/Firewall rules."),
    },
    "out_of_quota": {
        "billing": error(429, "insufficient_quota", "You exceeded your current quota.", type="insufficient_quota"),
    },
    "not_here": {
        "no_deployment": error(404, "DeploymentNotFound", "The API deployment for this resource does not exist."),
        "no_resource": error(404, "404", "Resource not found"),
        "no_image_model": error(400, "OperationNotSupported", "The operation does not work with the specified model."),
    },
    "throttled": {
        "rate": error(429, "429", "Requests have exceeded call rate limit.", {"retry-after": "6"}),
        "rate_limit_reached": error(429, "RateLimitReached", "Too many.", {"retry-after-ms": "6000"}),
        "too_many_requests": error(429, "too_many_requests", "Too many requests."),
    },
    "broken": {
        "internal": error(500, "InternalServerError", "The server had an error."),
        "dependency": error(424, "424", "A dependency failed."),
        "overloaded": error(503, "EngineOverloaded", "The engine is currently overloaded."),
        "failed": error(500, "image_generation_failed", "Image generation failed"),
    },
    "unknown": {
        "timeout": error(408, "Timeout", "The operation was timeout."),
        "gateway_timeout": error(504, "504", "Gateway timeout"),
        "bad_gateway": HTML[502],
        "no_images": Json({"created": 1698342300, "data": []}),
    },
}

CASE = Case(
    api="azure-openai", fake=AzureOpenAi, model="gpt-image-1.5", most=10, errors=ERRORS_BY_OUTCOME,
    probes={"prompt": Probe("a red kite", sent("prompt")), "n": Probe(2, sent("n")),
            "size": Probe("1536x1024", sent("size")), "quality": Probe("low", sent("quality")),
            "background": Probe("transparent", sent("background"), beside={"output_format": "png"}),
            "output_format": Probe("jpeg", sent("output_format")),
            "output_compression": Probe(50, sent("output_compression"), beside={"output_format": "jpeg"}),
            "moderation": Probe("low", sent("moderation")), "user": Probe("u-1", sent("user"))})
