"""A strict fake of OpenRouter's `POST /api/v1/images`."""

import json
import re

from .behaviours import Json, Reply
from .case import Case, Probe
from .checks import choice, number, text, truth
from .event_stream import Events
from .edited import Unreadable
from .json_images import from_data_url, image_field, painted
from .openai_like import HTML, OpenAiLike, matching, sent, sides

RATIOS = ("1:1", "1:2", "1:4", "1:8", "2:1", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1", "9:16", "16:9",
          "9:19.5", "19.5:9", "9:20", "20:9", "9:21", "21:9", "auto")
TIERS = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
BEHIND = ("openai", "google", "x-ai", "black-forest-labs", "bytedance-seed", "recraft")
COST_OF_AN_IMAGE = 0.04


def error(status: int, message: str, **metadata):
    """The code is the status, as a number."""
    return Json({"error": {"code": status, "message": message, **({"metadata": metadata} if metadata else {})},
                 "user_id": "user_1"}, status)


def in_a_200(status: int, message: str):
    """What failed when the answer had begun."""
    return Json({"error": {"code": status, "message": message}, "user_id": "user_1"})


def from_behind(status: int, code: str, message="rejected"):
    """What the provider behind it said, as a text in the text."""
    raw = json.dumps({"error": {"message": message, "type": "image_generation_user_error", "param": None,
                                "code": code}})
    return error(status, "Provider returned error", provider_name="OpenAI", raw=raw)


MOST_IMAGES = {"google": 14, "x-ai": 3, "black-forest-labs": 10, "bytedance-seed": 10, "openai": 16, "recraft": 0}


def content_of(item) -> bytes:
    match item:
        case {"type": "image_url", "image_url": {"url": str(url)}} if len(item) == 2:
            return from_data_url(url)
    raise Unreadable("expected {type: image_url, image_url: {url}}")


class OpenRouter(OpenAiLike):
    base, path = "/api/v1", "/images"
    fields = {"model": matching(r"[a-z-]+/[A-Za-z0-9.:-]+"), "prompt": text(1), "n": number(1, 10),
              "aspect_ratio": choice(*RATIOS), "resolution": choice(*TIERS),
              "size": matching(r"[124]K|[0-9]+x[0-9]+"), "quality": choice("auto", "low", "medium", "high"),
              "background": choice("auto", "transparent", "opaque"),
              "output_format": choice("png", "jpeg", "webp", "svg"), "output_compression": number(0, 100),
              "seed": number(), "stream": truth, "input_references": image_field(content_of, list_of=16)}

    def error(self, status, message, param=None):
        return error(status, message)

    def problem(self, body):
        vendor = body["model"].split("/")[0]
        if vendor not in BEHIND:
            return error(404, f"No endpoints found for {body['model']}.")
        if len(body.get("input_references", ())) > MOST_IMAGES[vendor]:
            return error(400, f"this model takes at most {MOST_IMAGES[vendor]} input_references")
        if body.get("n", 1) > 1 and vendor != "openai":
            return error(400, "n must be 1 for this model")
        if "size" in body and {"resolution", "aspect_ratio"} & set(body):
            return error(400, "size conflicts with resolution and aspect_ratio")

    def made(self, body, number):
        one = painted(content_of, body, ("input_references",), output_format=self.format(body).upper())
        return one or super().made(body, number)

    def size(self, body):
        if re.fullmatch(r"\d+x\d+", body.get("size", "")):
            return super().size(body)
        side = TIERS[body.get("size") or body.get("resolution", "1K")]
        return sides(body.get("aspect_ratio", "1:1"), side)

    def accept(self, request):
        """Others behind it answer in one go, whatever they were asked."""
        body = request.json
        if not body.get("stream") or body.get("model", "").startswith("openai/"):
            return super().accept(request)
        document = self._document(body)
        return Reply(200, {"Content-Type": "application/json"}, json.dumps(document).encode())

    def partials(self, body):
        return 1  # nobody can ask for more, or for less

    def stream_reply(self, request, style=None):
        return super().stream_reply(request, style or Events(
            named=False, wrap=lambda text: ": OPENROUTER PROCESSING\n\n" + text, tail="data: [DONE]\n\n"))

    def document(self, body, data):
        kind = f"image/{self.format(body)}"
        return {"created": 1748372400, "data": [{**one, "media_type": kind} for one in data],
                "usage": {"prompt_tokens": 0, "completion_tokens": 4175 * len(data), "total_tokens": 4175 * len(data),
                          "cost": COST_OF_AN_IMAGE * len(data), "is_byok": False,
                          "cost_details": {"upstream_inference_cost": None}}}


ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "bad_parameter": error(400, "n must be 1 for this model"),
        "bad_parameter_behind": from_behind(400, "invalid_value"),
        "too_large": error(413, "Payload too large"),
        "bad_parameter_in_a_200": in_a_200(400, "Provider returned error"),
    },
    "refused_by_policy": {
        "flagged": error(403, "Input rejected", reasons=["violence"], flagged_input="a …", provider_name="OpenAI"),
        "flagged_by_message": error(403, "Your chosen model requires moderation and your input was flagged."),
        "blocked_behind": from_behind(400, "moderation_blocked"),
        "blocked_behind_403": from_behind(403, "content_policy_violation"),
        "safety_behind": from_behind(400, "bad_request", "Your request was rejected by the safety system."),
        "flagged_in_a_200": in_a_200(403, "The output was flagged."),
    },
    "our_credentials": {
        "bad_key": error(401, "User not found."),
        "key_limit": error(403, "Key limit exceeded (total limit)."),
    },
    "out_of_quota": {
        "no_credits": error(402, "Insufficient credits"),
        "no_credits_in_a_200": in_a_200(402, "Insufficient credits"),
    },
    "not_here": {
        "no_endpoint": error(404, "No endpoints found for x/y."),
    },
    "throttled": {
        "rate": error(429, "Rate limit exceeded: free-models-per-min."),
        "rate_in_a_200": in_a_200(429, "Provider returned error"),
    },
    "broken": {
        "internal": error(500, "Internal Server Error"),
        "nobody_there": error(503, "No provider meets your routing requirements."),
        "provider_overloaded": error(529, "Provider overloaded"),
    },
    "unknown": {
        "timeout": error(408, "Your request timed out"),
        "provider_down": error(502, "Provider returned an invalid response"),
        "timeout_at_the_edge": error(524, "A timeout occurred"),
        "edge": HTML[524],
        "lost_in_a_200": in_a_200(502, "Provider disconnected"),
        "no_images": Json({"created": 1748372400, "data": [], "usage": {"total_tokens": 0, "cost": 0}}),
    },
}

CASE = Case(
    api="openrouter", fake=OpenRouter, model="google/gemini-3.1-flash-image", errors=ERRORS_BY_OUTCOME,
    probes={"prompt": Probe("a red kite", sent("prompt")), "n": Probe(1, sent("n")),
            "aspect_ratio": Probe("16:9", sent("aspect_ratio")),
            "resolution": Probe("2k", sent("resolution"), told="2K"), "quality": Probe("low", sent("quality")),
            "background": Probe("opaque", sent("background")), "output_format": Probe("webp", sent("output_format")),
            "output_compression": Probe(50, sent("output_compression"), beside={"output_format": "webp"}),
            "seed": Probe(7, sent("seed"))})
