"""The input schemas of fal's models: of those that make images from text alone, and of those that edit."""

from .behaviours import Json
from .edited import Unreadable
from .json_images import from_data_url, image_field, painted

SIZES = {"square_hd": (1024, 1024), "square": (512, 512), "portrait_4_3": (768, 1024), "portrait_16_9": (576, 1024),
         "landscape_4_3": (1024, 768), "landscape_16_9": (1024, 576)}


def choice(*values):
    return lambda value: value in values and type(value) is str


def number(least, most):
    return lambda value: type(value) in (int, float) and least <= value <= most


def integer(least=-2 ** 63, most=2 ** 63):
    return lambda value: type(value) is int and least <= value <= most


def text(value):
    return isinstance(value, str)


def boolean(value):
    return isinstance(value, bool)


def size(least, most, multiple=16, least_area=0):
    def is_good(value):
        if isinstance(value, str):
            return value in SIZES
        if not isinstance(value, dict) or set(value) != {"width", "height"}:
            return False
        sides = list(value.values())
        return (all(type(side) is int and least <= side <= most and side % multiple == 0 for side in sides)
                and sides[0] * sides[1] >= least_area)
    return is_good


RATIOS = ("21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21")
ALL = {"prompt": text, "sync_mode": boolean}
COMMON = {**ALL, "num_images": integer(1, 4), "seed": integer(), "output_format": choice("jpeg", "png")}
CHECKED = {**COMMON, "enable_safety_checker": boolean}
TOLERANT = {**COMMON, "safety_tolerance": choice(*"123456"), "enhance_prompt": boolean}
FLUX_1 = {**CHECKED, "image_size": size(256, 2048), "guidance_scale": number(1, 20),
          "acceleration": choice("none", "regular", "high")}
FLUX_2 = {**ALL, "seed": integer(), "output_format": choice("jpeg", "png"), "image_size": size(512, 2048),
          "safety_tolerance": choice(*"12345"), "enable_safety_checker": boolean}

MODELS = {
    "fal-ai/flux/dev": {**FLUX_1, "num_inference_steps": integer(1, 50)},
    "fal-ai/flux/schnell": {**FLUX_1, "num_inference_steps": integer(1, 12)},
    "fal-ai/flux-pro/v1.1": {**TOLERANT, "image_size": size(256, 2048)},
    "fal-ai/flux-pro/v1.1-ultra": {**TOLERANT, "aspect_ratio": choice(*RATIOS), "raw": boolean},
    "fal-ai/flux-pro/kontext/text-to-image": {**TOLERANT, "aspect_ratio": choice(*RATIOS),
                                              "guidance_scale": number(1, 20)},
    "fal-ai/flux-2-pro": FLUX_2,
    "fal-ai/flux-2-flex": {**FLUX_2, "guidance_scale": number(1.5, 10), "num_inference_steps": integer(2, 50),
                           "enable_prompt_expansion": boolean},
    "fal-ai/flux-2": {**CHECKED, "image_size": size(512, 2048), "guidance_scale": number(0, 20),
                      "num_inference_steps": integer(4, 50), "enable_prompt_expansion": boolean,
                      "output_format": choice("jpeg", "png", "webp"),
                      "acceleration": choice("none", "regular", "high")},
    "blackforestlabs/flux-3/text-to-image": {
        **ALL, "resolution": choice("512sq", "768sq", "1k", "2k", "4k"),
        "aspect_ratio": choice("21:9", "2:1", "16:9", "3:2", "7:5", "4:3", "5:4", "1:1", "4:5", "3:4", "5:7", "2:3",
                               "9:16", "1:2", "9:21")},
    "ideogram/v4.5": {**ALL, "image_size": size(512, 2048), "quality": choice("low", "medium", "high"),
                      "enable_prompt_expansion": boolean},
    "fal-ai/bytedance/seedream/v5/lite/text-to-image": {
        **ALL, "num_images": integer(1, 6), "max_images": integer(1, 6), "enable_safety_checker": boolean,
        "image_size": size(512, 4096, 1, 2560 * 1440)},
    "fal-ai/nano-banana-pro": {
        **COMMON, "safety_tolerance": choice(*"123456"), "resolution": choice("1K", "2K", "4K"),
        "output_format": choice("jpeg", "png", "webp"), "limit_generations": boolean,
        "aspect_ratio": choice("auto", "21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16")},
}


def image(list_of=0):
    check = image_field(from_data_url, list_of)
    return lambda value: check(value) is None


KONTEXT = {**TOLERANT, "aspect_ratio": choice(*RATIOS), "guidance_scale": number(1, 20), "image_url": image()}
NANO = {**MODELS["fal-ai/nano-banana-pro"], "image_urls": image(14)}
EDITS = {
    "fal-ai/flux/dev/image-to-image": {**CHECKED, "image_url": image(), "strength": number(0.01, 1),
                                       "guidance_scale": number(1, 20), "num_inference_steps": integer(10, 50)},
    "fal-ai/flux-pro/kontext": KONTEXT,
    "fal-ai/flux-pro/kontext/max": KONTEXT,
    "fal-ai/flux-pro/v1/fill": {**TOLERANT, "image_url": image(), "mask_url": image()},
    "fal-ai/flux-pro/v1.1/redux": {**TOLERANT, "image_url": image(), "image_size": size(256, 2048),
                                   "guidance_scale": number(1, 20), "num_inference_steps": integer(1, 50)},
    "fal-ai/flux-2-pro/edit": {**MODELS["fal-ai/flux-2-pro"], "image_urls": image(8)},
    "fal-ai/flux-2-flex/edit": {**MODELS["fal-ai/flux-2-flex"], "image_urls": image(8)},
    "fal-ai/flux-2/edit": {**MODELS["fal-ai/flux-2"], "image_urls": image(4)},
    "fal-ai/nano-banana-pro/edit": NANO,
    "fal-ai/nano-banana-2/edit": NANO,
    "fal-ai/nano-banana/edit": NANO,
    "fal-ai/bytedance/seedream/v4/edit": {**ALL, "image_urls": image(10)},
    "fal-ai/bytedance/seedream/v4.5/edit": {**ALL, "image_urls": image(10)},
    "fal-ai/qwen-image-edit": {**ALL, "image_url": image()},
    "fal-ai/wan-25-preview/image-to-image": {**ALL, "image_urls": image(2)},
}
SCHEMAS = {**MODELS, **EDITS}


def problem(place: list, message: str, kind: str) -> dict:
    return {"loc": place, "msg": message, "type": kind, "url": f"https://docs.fal.ai/errors#{kind}"}


def refusal(problems: list):
    return Json({"detail": problems}, 422, {"X-Fal-Retryable": "false"})


def problems(model: str, body: dict) -> list:
    """Everything that is wrong with this input."""
    schema = SCHEMAS[model]
    found = [problem(["body", name], "extra fields not permitted", "value_error.extra") for name in body
             if name not in schema]
    found += [problem(["body", name], "Input is not valid.", "value_error") for name in body
              if name in schema and not schema[name](body[name])]
    required = {"image_url", "image_urls", "mask_url"} & schema.keys()
    if not model.endswith("/redux"):
        required.add("prompt")
    found += [problem(["body", name], "field required", "missing") for name in sorted(required - body.keys())]
    if not found:
        try:
            edit_of(body)
        except Unreadable as wrong:
            found.append(problem(["body", "mask_url"], str(wrong), "image_load_error"))
    return found


def edit_of(body: dict):
    """The first input image with paint: where the mask is white, or along its top. Nothing without an input image."""
    return painted(from_data_url, body, ("image_url", "image_urls"), "mask_url")


def pixels(model: str, body: dict) -> tuple:
    """Of the image that this input asks for."""
    if "aspect_ratio" in body and body["aspect_ratio"] != "auto":
        width, height = map(int, body["aspect_ratio"].split(":"))
        scale = 1024 / (width * height) ** 0.5
        return round(width * scale), round(height * scale)
    asked = body.get("image_size", "landscape_4_3" if "image_size" in SCHEMAS[model] else "square_hd")
    return SIZES[asked] if isinstance(asked, str) else (asked["width"], asked["height"])
