"""What Replicate's official models take and refuse as input, and how large the image turns out.

From the provider's guides and the models' own input schemas of 2026."""

from dataclasses import dataclass

from .checks import choice, number, ratio, text, truth
from .edited import Unreadable
from .json_images import from_data_url, image_field, painted

RATIOS = "1:1 16:9 21:9 3:2 2:3 4:5 5:4 3:4 4:3 9:16 9:21".split()
FLUX_2_RATIOS = "1:1 16:9 3:2 2:3 4:5 5:4 9:16 3:4 4:3 match_input_image custom".split()
FLUX_3_RATIOS = "21:9 2:1 16:9 3:2 7:5 4:3 5:4 1:1 4:5 3:4 5:7 2:3 9:16 1:2 9:21 auto".split()
IDEOGRAM_RATIOS = "1:3 3:1 1:2 2:1 9:16 16:9 10:16 16:10 2:3 3:2 3:4 4:3 4:5 5:4 1:1".split()
IMAGE = image_field(from_data_url, largest=7_500_000)


def images(count: int):
    return image_field(from_data_url, count, 7_500_000)


SIDES = {"768sq": 768, "1k": 1024, "1.5k": 1536, "1K": 1024, "2K": 2048, "2k": 2048, "3K": 3072, "4K": 4096, "4k": 4096}

PERCENT = number(0, 100)
FORMATS = choice("webp", "jpg", "png")
OPEN = {"prompt": text(1), "aspect_ratio": choice(*RATIOS), "num_outputs": number(1, 4), "seed": number(),
        "output_format": FORMATS, "output_quality": PERCENT, "disable_safety_checker": truth, "go_fast": truth,
        "megapixels": choice("1", "0.25")}
KONTEXT = {"prompt": text(1), "aspect_ratio": choice(*RATIOS, "match_input_image"), "prompt_upsampling": truth,
           "seed": number(), "output_format": choice("png", "jpg"), "safety_tolerance": number(0, 6),
           "input_image": IMAGE}
FLUX_2 = {"prompt": text(1), "aspect_ratio": choice(*FLUX_2_RATIOS), "width": number(256, 2048, 16),
          "height": number(256, 2048, 16), "seed": number(), "output_format": FORMATS, "output_quality": PERCENT,
          "resolution": choice("0.5 MP", "1 MP", "2 MP", "4 MP", "match_input_image"),
          "safety_tolerance": number(1, 5), "input_images": images(8)}
IDEOGRAM = {"prompt": text(1), "aspect_ratio": choice(*IDEOGRAM_RATIOS), "seed": number(), "resolution": text(),
            "magic_prompt_option": choice("Auto", "On", "Off"), "style_preset": text(),
            "style_type": choice("None", "Auto", "General", "Realistic", "Design"), "image": IMAGE, "mask": IMAGE}
SEEDREAM = {"prompt": text(1), "aspect_ratio": ratio("9/21", "21/9"), "image_input": images(14)}
FILL = {"prompt": text(1), "image": IMAGE, "mask": IMAGE}

MODELS = {
    "black-forest-labs/flux-schnell": {**OPEN, "num_inference_steps": number(1, 4)},
    "black-forest-labs/flux-dev": {**OPEN, "image": IMAGE, "prompt_strength": number(0, 1, kinds=(int, float)),
                                   "num_inference_steps": number(1, 50),
                                   "guidance": number(0, 10, kinds=(int, float))},
    "black-forest-labs/flux-1.1-pro": {
        "prompt": text(1), "aspect_ratio": choice(*RATIOS, "custom"), "width": number(256, 1440, 32),
        "height": number(256, 1440, 32), "safety_tolerance": number(1, 6), "seed": number(),
        "prompt_upsampling": truth, "output_format": FORMATS, "output_quality": PERCENT},
    "black-forest-labs/flux-1.1-pro-ultra": {
        "prompt": text(1), "aspect_ratio": choice(*RATIOS), "raw": truth, "safety_tolerance": number(1, 6),
        "output_format": choice("jpg", "png")},
    "black-forest-labs/flux-kontext-pro": KONTEXT,
    "black-forest-labs/flux-kontext-max": KONTEXT,
    "black-forest-labs/flux-2-pro": FLUX_2,
    "black-forest-labs/flux-2-max": FLUX_2,
    "black-forest-labs/flux-2-flex": {**FLUX_2, "input_images": images(10), "prompt_upsampling": truth, "steps": number(1, 50),
                                      "guidance": number(1.5, 10, kinds=(int, float))},
    "black-forest-labs/flux-2-klein-4b": {
        "prompt": text(1), "aspect_ratio": choice(*RATIOS), "go_fast": truth, "seed": number(), "images": images(5),
        "output_megapixels": choice("0.25", "0.5", "1", "2", "4"), "output_format": FORMATS,
        "output_quality": PERCENT, "disable_safety_checker": truth},
    "black-forest-labs/flux-3-image": {"prompt": text(1), "aspect_ratio": choice(*FLUX_3_RATIOS),
                                       "resolution": choice("768sq", "1k", "1.5k", "2k", "4k")},
    "ideogram-ai/ideogram-v3-turbo": IDEOGRAM,
    "ideogram-ai/ideogram-v3-balanced": IDEOGRAM,
    "ideogram-ai/ideogram-v3-quality": IDEOGRAM,
    "recraft-ai/recraft-v3": {"prompt": text(1), "aspect_ratio": ratio("1/2", "2/1"), "style": text()},
    "recraft-ai/recraft-v4": {"prompt": text(1), "aspect_ratio": ratio("1/2", "2/1")},
    "openai/gpt-image-1.5": {
        "prompt": text(1), "number_of_images": number(1, 10), "aspect_ratio": choice("1:1", "3:2", "2:3"),
        "quality": choice("auto", "low", "medium", "high"), "background": choice("auto", "opaque", "transparent"),
        "moderation": choice("auto", "low"), "output_format": choice("png", "jpeg", "webp"),
        "output_compression": PERCENT, "user_id": text(), "input_images": images(16),
        "input_fidelity": choice("high", "low")},
    "google/nano-banana-2": {"prompt": text(1), "image_input": images(14), "aspect_ratio": ratio("9/21", "21/9"),
                             "resolution": choice("1K", "2K", "4K"), "output_format": choice("jpg", "png")},
    "bytedance/seedream-4.5": {**SEEDREAM, "size": choice("2K", "4K"), "max_images": number(1, 15),
                               "sequential_image_generation": choice("auto", "disabled")},
    "bytedance/seedream-5-lite": {**SEEDREAM, "size": choice("2K", "3K")},
    "bytedance/seedream-5-pro": {**SEEDREAM, "image_input": images(10), "size": choice("1K", "2K")},
    "black-forest-labs/flux-fill-pro": FILL,
    "black-forest-labs/flux-fill-dev": FILL,
    "black-forest-labs/flux-redux-dev": {"redux_image": IMAGE},
    "stability-ai/sdxl": {**FILL, "prompt_strength": number(0, 1, kinds=(int, float))},
    "stability-ai/stable-diffusion-inpainting": FILL,
    "qwen/qwen-image-edit": {"prompt": text(1), "image": IMAGE},
    "ideogram-ai/ideogram-v2": {"prompt": text(1), "image": IMAGE, "mask": IMAGE},
    "ideogram-ai/ideogram-v2-turbo": {"prompt": text(1), "image": IMAGE, "mask": IMAGE},
    "ideogram-ai/ideogram-4-5": {"prompt": text(1), "images": images(5), "mask": IMAGE},
    "ideogram-ai/ideogram-4-5-precise-edit": {"prompt": text(1), "image": IMAGE, "mask": IMAGE},
    # A model of somebody's own.
    "somebody/kites": {"prompt": text(1), "colour": text()},
}
# Models that answer with a list of images; the others answer with one.
LISTS = ("black-forest-labs/flux-schnell", "black-forest-labs/flux-dev", "openai/gpt-image-1.5",
         "bytedance/seedream-4.5", "bytedance/seedream-5-lite", "bytedance/seedream-5-pro")


def problem(model: str, given: dict):
    """The first that is wrong, as the name of the field and a message."""
    fields = MODELS[model]
    for name in ("prompt", "redux_image"):
        if name in fields and name not in given:
            return name, f"{name} is required"
    for name, value in given.items():
        if name not in fields:
            return name, f"Additional property {name} is not allowed"
        if wrong := fields[name](value):
            return name, wrong[0]
    if ("width" in given or "height" in given) and given.get("aspect_ratio") != "custom":
        return "width", "width and height are for an aspect ratio of \"custom\""
    if model.startswith("ideogram-ai/ideogram-v") and ("image" in given) != ("mask" in given):
        return "mask", "an image needs a mask, and a mask an image"
    try:
        edit_of(model, given)
    except Unreadable as wrong_image:
        return "mask", str(wrong_image)


def edit_of(model: str, given: dict):
    """The first input image with paint: by the mask, which is black in Ideogram's models where they edit."""
    kind, levels = ("black", "two") if model.startswith("ideogram-ai/") else ("white", "grey")
    return painted(from_data_url, given, ("image", "images", "input_image", "input_images", "image_input", "redux_image"),
                   "mask", kind, levels)


@dataclass
class Made:
    width: int
    height: int
    format: str


def images_of(model: str, given: dict) -> list:
    """The shape of each image that is made of a good input."""
    kind = given.get("output_format", "webp").replace("jpg", "jpeg")
    count = given.get("num_outputs", given.get("number_of_images", 1))
    if "width" in given:
        return [Made(given["width"], given["height"], kind)] * count
    area = 1024 * 1024 * float(given.get("megapixels", given.get("output_megapixels", 1)))
    tier = given.get("size", given.get("resolution", "1K"))
    area *= (SIDES.get(tier, 1024) / 1024) ** 2
    shape = given.get("aspect_ratio", "1:1")
    width, height = map(int, (shape if ":" in shape else "1:1").split(":"))
    side = (area * width / height) ** 0.5
    return [Made(round(side / 8) * 8, round(side * height / width / 8) * 8, kind)] * count
