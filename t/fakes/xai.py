"""A strict fake of xAI's `POST /v1/images/generations` (Grok Imagine)."""

from .behaviours import Json
from .case import Case, Probe
from .checks import choice, number, text
from .edited import Unreadable, type_of
from .json_images import from_data_url, painted
from .openai_like import HTML, OpenAiLike, sent, sides

RATIOS = ("auto", "1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2", "9:19.5", "19.5:9", "9:20", "20:9", "1:2", "2:1")
WITH_QUALITY = "grok-imagine-image-2.0"
MODELS = (WITH_QUALITY, "grok-imagine-image")
TICKS_OF_AN_IMAGE = 400_000_000  # $0.04
CREDITS = "Your team has either used all available credits or reached its monthly spending limit."
MODERATED = "Generated image rejected by content moderation."


def error(status: int, code: str, message: str, **more):
    """The form that its images have; `usage` may be beside it."""
    return Json({"code": code, "error": message, **more}, status)


def content_of(item) -> bytes:
    """Of an input image. Links are taken, too, but no test sends one."""
    if not isinstance(item, dict) or item.keys() != {"type", "url"} or item["type"] != "image_url":
        raise Unreadable("Failed to deserialize the JSON body into the target type")
    return from_data_url(item["url"])


def image_check(value):
    try:
        for one in value if isinstance(value, list) else [value]:
            content = content_of(one)
            if type_of(content) not in ("image/png", "image/jpeg") or len(content) > 20_000_000:
                return "the image must be a PNG or JPEG of at most 20 MB", "image"
    except Unreadable as problem:
        return str(problem), "image"
    if isinstance(value, list) and not 1 <= len(value) <= 3:
        return "1 to 3 images are allowed", "image"


class Xai(OpenAiLike):
    edit_paths = ("/images/edits",)
    fields = {"model": text(1), "prompt": text(1), "n": number(1, 10), "aspect_ratio": choice(*RATIOS),
              "resolution": choice("1k", "2k"), "quality": choice("low", "medium", "high"),
              "response_format": choice("url", "b64_json"), "user": text(), "image": image_check, "images": image_check}
    links = True
    image_format = "jpeg"

    def error(self, status, message, param=None):
        # A key that is wrong is a bad request to xAI.
        return error(400 if status == 401 else status, "400", message)

    def problem(self, body):
        if body["model"] not in MODELS:
            return error(404, "Some requested entity was not found",
                         f"The model {body['model']} does not exist or your team does not have access to it.")
        if "quality" in body and body["model"] != WITH_QUALITY:
            return self.error(400, "Argument not supported: quality")

    def wrong_body(self, request):
        if wrong := super().wrong_body(request):
            return wrong
        images = {"image", "images"} & set(request.json)
        if len(images) != (request.path == self.base + "/images/edits"):
            return self.error(400, "exactly one of image and images is required for edits, and none for generations")

    def made(self, body, number):
        one = painted(content_of, body, ("image", "images"), output_format="JPEG")
        return one or super().made(body, number)

    def size(self, body):
        return sides(body.get("aspect_ratio", "1:1"), 2048 if body.get("resolution") == "2k" else 1024)

    def document(self, body, data):
        return {"data": [{**one, "revised_prompt": "", "respect_moderation": True} for one in data],
                "usage": {"cost_in_usd_ticks": TICKS_OF_AN_IMAGE * len(data)}}


ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "argument_not_supported": error(400, "400", "Argument not supported: size"),
        "invalid_argument": error(400, "invalid-argument", "Invalid aspect ratio."),
        "deserialization": Json({"error": "Failed to deserialize the JSON body into the target type"}, 422),
    },
    "refused_by_policy": {
        "moderated": error(400, "imagine:content-moderated", MODERATED, usage={"cost_in_usd_ticks": 900_000_000}),
        "moderated_older": error(400, "Client specified an invalid argument", MODERATED,
                                 usage={"cost_in_usd_ticks": 900_000_000}),
        "moderated_in_an_object": Json({"error": {"message": MODERATED, "type": "invalid_request_error",
                                                  "code": "imagine:content-moderated", "param": None}}, 400),
        "moderated_in_a_200": Json({"data": [{"url": None, "b64_json": "", "respect_moderation": False}],
                                    "usage": {"cost_in_usd_ticks": 400_000_000}}),
    },
    "our_credentials": {
        "bad_key_400": error(400, "400", "Incorrect API key provided: xa***. You can obtain an API key from "
                             "https://console.x.ai."),
        "bad_key_401": Json({"error": "Unauthorized"}, 401),
        "permission_denied": error(403, "permission-denied", "The team is blocked."),
    },
    "out_of_quota": {
        "credits_429": error(429, "Some resource has been exhausted", CREDITS),
        "credits_403": error(403, "permission-denied", CREDITS),
        "payment_required": error(402, "402", "Payment required."),
    },
    "not_here": {
        "no_such_model": error(404, "Some requested entity was not found", "The model x does not exist."),
        "wrong_endpoint": Json({"error": "x is an image model; use /v1/images/generations."}, 404),
    },
    "throttled": {
        "rate": error(429, "Some resource has been exhausted", "Too many requests."),
    },
    "broken": {
        "internal": error(500, "internal", "Internal error"),
        "unavailable": Json({"error": "The service is currently unavailable."}, 503),
    },
    "unknown": {
        "bad_gateway": HTML[502],
        "gateway_timeout": HTML[504],
        "no_images": Json({"data": [], "usage": {"cost_in_usd_ticks": 0}}),
    },
}

CASE = Case(
    api="xai", fake=Xai, model=WITH_QUALITY, most=10, makes="url", errors=ERRORS_BY_OUTCOME,
    probes={"prompt": Probe("a red kite", sent("prompt")), "n": Probe(2, sent("n")),
            "aspect_ratio": Probe("16:9", sent("aspect_ratio")),
            "resolution": Probe("2K", sent("resolution"), told="2k"), "quality": Probe("low", sent("quality")),
            "user": Probe("u-1", sent("user"))})
