"""What each of Black Forest Labs' endpoints takes and refuses, and how large its image turns out.

From the provider's API reference and openapi.json of 2026. Problems are told as FastAPI tells them."""

from dataclasses import dataclass

from .behaviours import Json, Raw
from .checks import choice, number, ratio, text, truth
from .edited import Unreadable
from .json_images import from_base64, image_field, painted

FLUX_3_RATIOS = ("21:9 2:1 16:9 3:2 7:5 4:3 5:4 1:1 4:5 3:4 5:7 2:3 9:16 1:2 9:21 auto").split()
FLUX_3_SIDES = {"768sq": 768, "1k": 1024, "1.5k": 1536, "2k": 2048, "4k": 4096}


def problem(name, message, kind) -> dict:
    return {"loc": ["body", name], "msg": message, "type": kind}


def invalid(place: list, message: str, kind: str) -> Raw:
    return Json({"detail": [{"loc": place, "msg": message, "type": kind}]}, 422)


def flux(most_tolerance, **more) -> dict:
    return {"prompt": text(), "seed": number(), "safety_tolerance": number(0, most_tolerance),
            "output_format": choice("jpeg", "png", "webp"), "webhook_url": text(1), "webhook_secret": text(), **more}


IMAGE = image_field(from_base64)


def inputs(count: int) -> dict:
    return {"input_image": IMAGE, **{f"input_image_{number}": IMAGE for number in range(2, count + 1)}}


def flux_2(count=8, **more) -> dict:
    sides = {"width": number(64, multiple=16), "height": number(64, multiple=16)}
    return flux(5, **sides, **inputs(count), **more)


SIDES = {"width": number(256, 1440, 32), "height": number(256, 1440, 32)}
KONTEXT = flux(6, aspect_ratio=ratio("3/7", "7/3"), prompt_upsampling=truth, **inputs(4))

ENDPOINTS = {
    "flux-3-image": {"prompt": text(1), "aspect_ratio": choice(*FLUX_3_RATIOS), "resolution": choice(*FLUX_3_SIDES),
                     "grounding": truth, "images": image_field(from_base64, 10), "safety_tolerance": number(0, 4), "version": text()},
    "flux-2-pro": flux_2(disable_pup=truth),
    "flux-2-pro-preview": flux_2(disable_pup=truth),
    "flux-2-max": flux_2(disable_pup=truth),
    "flux-2-flex": flux_2(prompt_upsampling=truth, steps=number(1, 50), guidance=number(1.5, 10, kinds=(int, float))),
    "flux-2-klein-4b": flux_2(4),
    "flux-2-klein-9b": flux_2(4),
    "flux-2-klein-9b-preview": flux_2(4),
    "flux-kontext-pro": KONTEXT,
    "flux-kontext-max": KONTEXT,
    "flux-pro-1.1": flux(6, **SIDES, prompt_upsampling=truth, image_prompt=IMAGE),
    "flux-pro-1.1-ultra": flux(6, aspect_ratio=ratio("9/21", "21/9"), raw=truth, prompt_upsampling=truth,
                               image_prompt=IMAGE),
    "flux-dev": flux(6, **SIDES, prompt_upsampling=truth, steps=number(1, 50),
                     guidance=number(1.5, 5, kinds=(int, float)), image_prompt=IMAGE),
    "flux-pro-1.0-fill": flux(6, image=IMAGE, mask=IMAGE, steps=number(15, 50),
                              guidance=number(1.5, 100, kinds=(int, float)), prompt_upsampling=truth),
    "flux-pro-1.0-expand": flux(6, image=IMAGE, steps=number(15, 50), guidance=number(1.5, 100, kinds=(int, float)),
                                prompt_upsampling=truth, top=number(0, 2048), bottom=number(0, 2048),
                                left=number(0, 2048), right=number(0, 2048)),
}
IMAGE_FIELDS = ("images", "input_image", "image", "image_prompt")


def problems(endpoint: str, body: dict) -> list:
    fields = ENDPOINTS[endpoint]
    found = []
    if "prompt" not in body:
        found.append(problem("prompt", "Field required", "missing"))
    if "image" in fields and "image" not in body:
        found.append(problem("image", "Field required", "missing"))
    for name, value in body.items():
        if name not in fields:
            found.append(problem(name, "Extra inputs are not permitted", "extra_forbidden"))
        elif wrong := fields[name](value):
            found.append(problem(name, *wrong))
    if "kontext" in endpoint and "input_image" in body and body.get("safety_tolerance", 2) > 2:
        found.append(problem("safety_tolerance", "Input should be less than or equal to 2", "less_than_equal"))
    if not found:
        try:
            edit_of(body)
        except Unreadable as wrong:
            found.append(problem("mask", str(wrong), "value_error"))
    if not found and body.get("width", 0) * body.get("height", 0) > 4 * 1024 * 1024:
        found.append(problem("width", "The image should have at most 4 megapixels", "value_error"))
    return found


def edit_of(body: dict):
    """The first input image with paint: where the mask is white, or along its top. Nothing without an input image."""
    return painted(from_base64, body, IMAGE_FIELDS)


@dataclass
class Made:
    width: int
    height: int
    format: str


def image_of(endpoint: str, body: dict) -> Made:
    """The shape of the image that is made of a good request."""
    kind = body.get("output_format", "png" if "kontext" in endpoint else "jpeg")
    if "width" in body or "height" in body:
        return Made(body.get("width", 1024), body.get("height", 768), kind)
    shape = body.get("aspect_ratio", "16:9" if endpoint.endswith("ultra") else "1:1")
    width, height = map(int, ("1:1" if shape == "auto" else shape).split(":"))
    area = FLUX_3_SIDES[body.get("resolution", "1k")] ** 2
    side = (area * width / height) ** 0.5
    return Made(max(8, round(side / 8) * 8), max(8, round(side * height / width / 8) * 8), kind)
