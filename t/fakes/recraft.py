"""A strict fake of Recraft's `POST /v1/images/generations`, as far as its raster models go."""

import re

from .behaviours import Json
from .case import Case, Probe
from .checks import choice, number, text
from .edit_forms import EditForm
from .openai_like import HTML, OpenAiLike, sent

RATIOS = ("1:1", "2:1", "1:2", "3:2", "2:3", "4:3", "3:4", "5:4", "4:5", "6:10", "14:10", "10:14", "16:9", "9:16")


def both_ways(*sizes) -> set:
    return {*sizes, *("x".join(reversed(one.split("x"))) for one in sizes)}


SIZES = {
    4: both_ways("1024x1024", "1536x768", "1280x832", "1216x896", "1152x896", "1280x896", "1344x768") | {"832x1344"},
    "pro": both_ways("2048x2048", "3072x1536", "2560x1664", "2432x1792", "2304x1792", "2560x1792",
                     "2688x1536") | {"1664x2688"},
    3: both_ways("1024x1024", "1365x1024", "1536x1024", "1820x1024", "2048x1024", "1434x1024", "1280x1024",
                 "1707x1024"),
}
FAMILIES = {"recraftv4_1": 4, "recraftv4_1_utility": 4, "recraftv4_1_flash": 4, "recraftv4": 4,
            "recraftv4_1_pro": "pro", "recraftv4_1_utility_pro": "pro", "recraftv4_pro": "pro",
            "recraftv3": 3, "recraftv2": 3}
CREDITS = {"recraftv4_1": 35, "recraftv4_1_flash": 7, "recraftv3": 40, "recraftv2": 22}


def error(status: int, code: str, message: str):
    return Json({"code": code, "message": message}, status)


COMMON = {"model": choice("recraftv3"), "n": number(1, 6), "response_format": choice("url", "b64_json"),
          "image_format": choice("webp", "png"), "random_seed": number(0, 2**32 - 1)}
PROMPTED = {**COMMON, "prompt": text(1), "negative_prompt": text()}
STRENGTH = number(0, 1, kinds=(int, float))


OF_A_TOOL = {"response_format": choice("url", "b64_json"), "image_format": choice("webp", "png")}
TOOLS = ("eraseRegion", "removeBackground", "crispUpscale", "creativeUpscale")  # they answer with one image, not with a list
PIXELS = number(0, 4096)


class Recraft(OpenAiLike):
    edit_forms = {
        "/images/generateBackground": EditForm(PROMPTED, ("prompt",), least_side=256, mask="mask", needs_mask=True, levels="two"),
        "/images/replaceBackground": EditForm(PROMPTED, ("prompt",), least_side=256),
        "/images/outpaint": EditForm({**PROMPTED, "size": text(1), "zoom_out_percentage": PIXELS,
                                      **{f"expand_{side}": PIXELS for side in ("top", "bottom", "left", "right")}},
                                     ("prompt",), least_side=256),
        "/images/eraseRegion": EditForm(OF_A_TOOL, (), least_side=256, mask="mask", needs_mask=True, levels="two"),
        "/images/removeBackground": EditForm(OF_A_TOOL, (), least_side=256),
        "/images/crispUpscale": EditForm(OF_A_TOOL, (), least_side=256),
        "/images/creativeUpscale": EditForm({**OF_A_TOOL, "upscale": choice("upscale4mp", "upscale16mp")}, (), least_side=256),
        "/images/imageToImage": EditForm({**PROMPTED, "strength": STRENGTH}, ("prompt", "strength"), least_side=256),
        "/images/inpaint": EditForm(PROMPTED, ("prompt",), least_side=256, mask="mask", needs_mask=True, levels="two"),
        "/images/variateImage": EditForm({**COMMON, "size": text(1)}, ("size",), least_side=256),
    }
    fields = {"model": choice(*FAMILIES), "prompt": text(1), "n": number(1, 6), "size": text(),
              "style": choice("any", "realistic_image", "digital_illustration", "vector_illustration", "icon",
                              "logo_raster"),
              "negative_prompt": text(), "response_format": choice("url", "b64_json"),
              "image_format": choice("webp", "png"), "random_seed": number(0, 2**32 - 1)}
    links = True

    def error(self, status, message, param=None):
        return error(status, "unauthorized" if status == 401 else "invalid_request_parameter", message)

    def problem(self, body):
        family = FAMILIES[body.get("model", "recraftv3")]
        if len(body.get("prompt", "")) > (1000 if family == 3 else 10000):
            return self.error(400, "prompt is too long")
        if body.get("size", "1:1") not in {*SIZES[family], *RATIOS}:
            return self.error(400, f"size {body['size']} is not supported by {body['model']}")
        for name in ("style", "negative_prompt"):
            if name in body and family != 3:
                return self.error(400, f"{name} is not supported by {body['model']}")

    def size_of_edit(self, body):
        return self.size(body) if "size" in body else None

    def size(self, body):
        match = re.fullmatch(r"(\d+)x(\d+)", body.get("size", "1024x1024"))
        return (int(match[1]), int(match[2])) if match else (1024, 1024)

    def format(self, body):
        return body.get("image_format", "webp")

    def _document(self, body):
        document = super()._document(body)
        if body.get("form") in [self.edit_forms[f"/images/{tool}"] for tool in TOOLS]:
            return {"created": document["created"], "credits": document["credits"], "image": document["data"][0]}
        return document

    def document(self, body, data):
        return {"created": 1767225600, "credits": CREDITS.get(body.get("model"), 40) * len(data),
                "data": [{"image_id": f"a1f2-{index}", **one, "revised_prompt": ""}
                         for index, one in enumerate(data)]}


ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "parameter": error(400, "invalid_request_parameter", "size 1x1 is not supported"),
        "unprocessable": error(422, "unprocessable", "n must be at most 6"),
        "media_type": error(415, "unsupported_media_type", "Unsupported media type"),
        "parameter_in_an_object": Json({"error": {"message": "invalid size", "type": "invalid_request_error",
                                                  "param": "size", "code": "invalid_request_parameter"}}, 400),
    },
    "refused_by_policy": {
        "nsfw": error(400, "invalid_request_parameter", "The prompt contains NSFW content."),
        "moderation": error(400, "moderation_failed", "The prompt did not pass moderation."),
    },
    "our_credentials": {
        "bad_key": error(401, "unauthorized", "Unauthorized"),
        "forbidden": error(403, "forbidden", "Forbidden"),
    },
    "out_of_quota": {
        "no_credits_400": error(400, "not_enough_credits", "Not enough credits"),
        "no_credits_402": error(402, "not_enough_credits", "Not enough credits"),
    },
    "not_here": {
        "not_found": error(404, "not_found", "Not found"),
    },
    "throttled": {
        "rate": error(429, "rate_limit_exceeded", "Too many requests"),
    },
    "broken": {
        "internal": error(500, "internal_error", "Internal error"),
        "unavailable": error(503, "unavailable", "Unavailable"),
    },
    "unknown": {
        "bad_gateway": HTML[502],
        "gateway_timeout": HTML[504],
        "no_images": Json({"created": 1767225600, "credits": 0, "data": []}),
    },
}

CASE = Case(
    api="recraft", fake=Recraft, model="recraftv3", most=6, makes="url", errors=ERRORS_BY_OUTCOME,
    probes={"prompt": Probe("a red bicycle", sent("prompt")), "n": Probe(2, sent("n")),
            "size": Probe("1365x1024", sent("size")),
            "negative_prompt": Probe("people", sent("negative_prompt")),
            "output_format": Probe("png", sent("image_format")), "seed": Probe(42, sent("random_seed"))})
