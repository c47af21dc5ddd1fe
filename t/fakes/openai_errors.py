"""OpenAI's errors: the envelope, and every row that a client must be able to tell apart."""

import json
from dataclasses import dataclass, field, replace
from typing import Optional

from .behaviours import Behaviour, Raw, Reply

CALLER = "invalid_request_error"
IMAGE = "image_generation_user_error"


@dataclass
class Error(Behaviour):
    """An error in OpenAI's envelope. `extra` goes into `error` (moderation_details)."""

    status: int
    code: Optional[str] = None
    type: Optional[str] = CALLER
    message: str = "An error."
    param: Optional[str] = None
    headers: dict = field(default_factory=dict)
    extra: dict = field(default_factory=dict)

    @property
    def envelope(self) -> dict:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code,
                          **self.extra}}

    def with_headers(self, **headers) -> "Error":
        """The same with more headers: underscores become hyphens."""
        more = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        return replace(self, headers={**self.headers, **more})

    def plain_reply(self) -> Reply:
        body = json.dumps(self.envelope, indent=2).encode()
        return Reply(self.status, {"Content-Type": "application/json", **self.headers}, body)

    def reply(self, call) -> Reply:
        reply = self.plain_reply()
        reply.headers = {**call.server.common_headers(), **reply.headers}
        return reply


def _blocked(stage: str) -> Error:
    return Error(400, "moderation_blocked", IMAGE,
                 "Your request was rejected by the safety system. If you believe this is an error, contact us at "
                 "help.openai.com and include the request ID req_test. safety_violations=[sexual].",
                 extra={"moderation_details": {"moderation_stage": stage, "categories": ["sexual"]}})


def _quota(code: str) -> Error:
    return Error(429, code, "insufficient_quota",
                 "You exceeded your current quota, please check your plan and billing details.")


def _rate(kind: str) -> Error:
    return Error(429, "rate_limit_exceeded", kind,
                 "Rate limit reached for images per minute. Please try again in 12s.", headers={"retry-after": "12"})


def _page(status: int, title: str) -> Raw:
    return Raw(status, {"Content-Type": "text/html", "Server": "cloudflare"},
               f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n<center><h1>{status} {title}"
               "</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n")


_BILLING = "Billing hard limit has been reached"
_CONTENT = ("Your request was rejected as a result of our safety system. Your prompt may contain text that is not "
            "allowed by our safety system.")

# What each means for the gateway, and how it looks. The groups are the design's outcomes.
ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "unknown_parameter": Error(400, "unknown_parameter", CALLER, "Unknown parameter: 'response_format'.",
                                   "response_format"),
        "invalid_value": Error(400, "invalid_value", IMAGE,
                               "Invalid size '4096x4096'. The longest edge must be less than or equal to 3840.",
                               "size"),
        "invalid_value_older_type": Error(400, "invalid_value", CALLER,
                                          "Invalid value: 'hd'. Supported values are: 'low', 'medium', 'high', and "
                                          "'auto'.", "quality"),
        "invalid_type": Error(400, "invalid_type", CALLER,
                              "Invalid type for 'n': expected an integer, but got a string instead.", "n"),
        "missing_required_parameter": Error(400, "missing_required_parameter", CALLER,
                                            "Missing required parameter: 'prompt'.", "prompt"),
        "string_above_max_length": Error(400, "string_above_max_length", CALLER,
                                         "Invalid 'prompt': string too long. Expected a string with maximum length "
                                         "32000, but got a string with length 32001 instead.", "prompt"),
        "integer_above_max_value": Error(400, "integer_above_max_value", CALLER,
                                         "Invalid 'n': integer above maximum value. Expected a value <= 10, but got "
                                         "11 instead.", "n"),
        "integer_below_min_value": Error(400, "integer_below_min_value", CALLER,
                                         "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 "
                                         "instead.", "n"),
        "invalid_input_fidelity_model": Error(400, "invalid_input_fidelity_model", IMAGE,
                                              "The model does not support the 'input_fidelity' parameter.",
                                              "input_fidelity"),
        "invalid_image_file": Error(400, "invalid_image_file", IMAGE, "Invalid image file or mode for image 1.",
                                    "image"),
        "too_large_html": _page(413, "Request Entity Too Large"),
    },
    "refused_by_policy": {
        "moderation_blocked_input": _blocked("input"),
        "moderation_blocked": _blocked("output"),
        "content_policy_violation": Error(400, "content_policy_violation", IMAGE, _CONTENT),
        "content_policy_violation_older_type": Error(400, "content_policy_violation", CALLER, _CONTENT),
    },
    "out_of_quota": {
        "billing_hard_limit_reached": Error(400, "billing_hard_limit_reached", CALLER, _BILLING),
        "billing_hard_limit_reached_user_error": Error(400, "billing_hard_limit_reached", IMAGE, _BILLING),
        "billing_hard_limit_reached_billing_error": Error(400, "billing_hard_limit_reached",
                                                          "billing_limit_user_error", _BILLING),
        "insufficient_quota": _quota("insufficient_quota"),
        "credit_balance_exhausted": _quota("credit_balance_exhausted"),
        "organization_spend_limit_exceeded": _quota("organization_spend_limit_exceeded"),
        "project_spend_limit_exceeded": _quota("project_spend_limit_exceeded"),
        "organization_usage_limit_exceeded": _quota("organization_usage_limit_exceeded"),
    },
    "our_credentials": {
        "invalid_api_key": Error(401, "invalid_api_key", CALLER, "Incorrect API key provided: sk-test."),
        "missing_header": Error(401, None, CALLER, "You didn't provide an API key."),
        "country_not_supported": Error(403, "unsupported_country_region_territory", CALLER,
                                       "Country, region, or territory not supported"),
        "organization_not_verified": Error(403, None, CALLER,
                                           "Your organization must be verified to use the model `gpt-image-2`."),
        "missing_scopes": Error(403, None, CALLER,
                                "You have insufficient permissions for this operation. Missing scopes: "
                                "api.model.images.request."),
    },
    "not_here": {
        "model_not_found": Error(404, "model_not_found", CALLER,
                                 "The model `gpt-image-9` does not exist or you do not have access to it."),
    },
    "throttled": {
        "rate_limit_exceeded": _rate("rate_limit_error"),
        "rate_limit_exceeded_requests": _rate("requests"),
        "rate_limit_exceeded_tokens": _rate("tokens"),
        "rate_limit_exceeded_input_images": _rate("input-images"),
        "rate_limit_without_retry_after": replace(_rate("rate_limit_error"), headers={}),
        "slow_down": Error(429, "slow_down", "rate_limit_error", "Slow down: the traffic has grown too quickly.",
                           headers={"retry-after": "2", "retry-after-ms": "1500"}),
    },
    "broken": {
        "server_error": Error(500, None, "server_error", "The server had an error while processing your request."),
        "image_generation_failed": Error(500, "image_generation_failed", "image_generation_server_error",
                                         "Image generation failed"),
        "server_is_overloaded": Error(503, "server_is_overloaded", "service_unavailable_error",
                                      "The server is currently overloaded.", headers={"retry-after": "1"}),
    },
    "unknown": {
        "bad_gateway_html": _page(502, "Bad Gateway"),
        "gateway_timeout_html": _page(504, "Gateway Time-out"),
        "bad_gateway_text": Raw(502, {"Content-Type": "text/plain"}, "error code: 502"),
        "bad_gateway_empty": Raw(502),
    },
}

ERRORS = {name: error for group in ERRORS_BY_OUTCOME.values() for name, error in group.items()}
OUTCOMES = {name: outcome for outcome, group in ERRORS_BY_OUTCOME.items() for name in group}
