"""A strict fake of the resellers that put Flux behind the form of dall-e-3: `POST /v1/images/generations`.

OpenAI's own models they sell too, and pass the streams of these on, with what their servers put in between."""

from .behaviours import Json
from .case import Case, Probe
from .checks import choice, number, text, truth
from .edit_forms import EditForm
from .event_stream import Events
from .openai_like import HTML, OpenAiLike, matching, sent, sides

MODEL = "flux-kontext-pro"
STREAMED = "gpt-image-1.5"
MODELS = (MODEL, "flux-kontext-max", "flux-pro-1.1", "flux-dev", STREAMED)


def error(status: int, code: str, message: str, kind="new_api_error"):
    return Json({"error": {"message": f"{message} (request id: 20261126)", "type": kind, "param": "", "code": code}},
                status)


class Aggregator(OpenAiLike):
    fields = {"model": text(1), "prompt": text(1), "n": number(1, 10), "size": matching(r"\d+x\d+"),
              "aspect_ratio": choice("21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21"),
              "quality": choice("hd", "standard"), "response_format": choice("url", "b64_json"), "style": text(),
              "user": text(), "stream": truth, "partial_images": number(0, 3)}
    image_format = "jpeg"
    edit_forms = {"/images/edits": EditForm({"model": choice(STREAMED), "prompt": text(1), "n": number(1, 10), "stream": truth,
                                             "partial_images": number(0, 3)},
                                            several="image[]", most=16, mask="mask", kind="alpha")}

    def error(self, status, message, param=None):
        return error(status, "" if status == 401 else "invalid_request",
                     "invalid token" if status == 401 else message)

    def problem(self, body):
        if body["model"] not in MODELS:
            return error(503, "model_not_found", f"No available channel for model {body['model']} under group default")
        if "size" in body and "aspect_ratio" in body:
            return self.error(400, "size and aspect_ratio exclude each other")
        if body["model"] != STREAMED and {"stream", "partial_images"} & set(body):
            return self.error(400, "this model does not stream")

    def size(self, body):
        return super().size(body) if "size" in body else sides(body.get("aspect_ratio", "1:1"))

    def is_link(self, body):
        """Whatever was asked for."""
        return True

    def stream_reply(self, request, style=None):
        return super().stream_reply(request, style or Events(
            wrap=lambda text: ": PING\n\ndata: : PING\n\n" + text.replace("data: ", "data: data: ")))

    def document(self, body, data):
        """With the noise that they make: a time that is none, and empty texts."""
        return {"created": "1589478378.5", "id": "", "metadata": {}, "usage": {"total_tokens": 0},
                "data": [{"b64_json": "", "revised_prompt": "", **one} for one in data]}


ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "parameter": error(400, "invalid_request", "prompt is required"),
        "unprocessable": error(422, "invalid_request", "aspect_ratio is not one of those allowed", "upstream_error"),
    },
    "refused_by_policy": {
        "moderated": error(400, "bfl_error", "Request Moderated", "bfl_error"),
        "moderated_with_500": error(500, "upstream_error", "Content Moderated: try another prompt", "upstream_error"),
        "safety": error(422, "upstream_error", "The prompt was rejected by the safety system", "upstream_error"),
        "content_policy": error(400, "upstream_error", "content_policy_violation", "upstream_error"),
        "sensitive": error(500, "bad_response_status_code", "sensitive words detected"),
        "moderated_in_a_200": error(200, "bfl_error", "Request Moderated", "bfl_error"),
    },
    "our_credentials": {
        "invalid_token": error(401, "", "invalid token"),
        "invalid_token_in_chinese": error(401, "", "无效的令牌", "one_api_error"),
    },
    "out_of_quota": {
        "quota_403": error(403, "insufficient_user_quota", "用户额度不足"),
        "quota_429": error(429, "insufficient_user_quota", "the user's balance is not enough"),
        "quota_by_message": error(429, "", "token quota of the user was exceeded", "one_api_error"),
        "quota_by_chinese_message": error(403, "", "用户额度不足, 剩余额度: $0.00", "one_api_error"),
    },
    "not_here": {
        "model_not_found": error(503, "model_not_found", "no such model"),
        "no_channel": error(503, "", "No available channel for model x under group default"),
        "no_channel_in_chinese": error(503, "", "当前分组 default 下对于模型 x 无可用渠道", "one_api_error"),
    },
    "throttled": {
        "saturated": error(429, "", "upstream load saturated"),
        "saturated_in_chinese": error(429, "", "当前分组上游负载已饱和，请稍后再试", "one_api_error"),
    },
    "broken": {
        "bad_status": error(500, "bad_response_status_code", "bad response status code 500", "upstream_error"),
        "request_failed": error(500, "do_request_failed", "do request failed"),
    },
    "unknown": {
        "bad_gateway": error(502, "bad_response", "bad gateway", "upstream_error"),
        "gateway_timeout": HTML[504],
        "cut_by_the_cdn": HTML[524],
        "no_images": Json({"created": 0, "data": []}),
        "empty_texts": Json({"created": 0, "data": [{"b64_json": "", "url": "", "revised_prompt": ""}]}),
    },
}

CASE = Case(
    api="aggregator", fake=Aggregator, model=MODEL, makes="url", errors=ERRORS_BY_OUTCOME,
    probes={"prompt": Probe("a red bicycle", sent("prompt")), "n": Probe(1, sent("n")),
            "aspect_ratio": Probe("16:9", sent("aspect_ratio"))})
