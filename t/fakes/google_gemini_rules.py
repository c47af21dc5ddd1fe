"""What the Gemini API takes of each image model, and what it says to everything else."""

from dataclasses import dataclass

from .edited import Unreadable, type_of
from .google_gemini_errors import invalid
from .json_images import from_base64

RATIOS = {"1:1": (1024, 1024), "2:3": (848, 1264), "3:2": (1264, 848), "3:4": (896, 1200), "4:3": (1200, 896),
          "4:5": (928, 1152), "5:4": (1152, 928), "9:16": (768, 1376), "16:9": (1376, 768), "21:9": (1584, 672)}
LONG_RATIOS = {"1:4": (512, 2048), "4:1": (2048, 512), "1:8": (384, 3072), "8:1": (3072, 384)}
SCALES = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}
MOST_IMAGES = 14
INPUT_TYPES = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif")
FLASH_TOKENS = {"512": 750, "1K": 1120, "2K": 1680, "4K": 2520}


@dataclass(frozen=True)
class Model:
    tokens: dict            # of an image, by the sizes that there are
    ratios: tuple
    takes_size: bool = True


MODELS = {
    "gemini-nano-banana-2.1": Model({"1K": 1120, "2K": 1680, "4K": 3767}, tuple(RATIOS)),
    "gemini-3.1-flash-image": Model(FLASH_TOKENS, (*RATIOS, *LONG_RATIOS)),
    "gemini-3.1-flash-lite-image": Model({"1K": 1120}, (*RATIOS, *LONG_RATIOS)),
    "gemini-3-pro-image": Model({"1K": 1120, "2K": 1120, "4K": 2000}, tuple(RATIOS)),
    "gemini-2.5-flash-image": Model({"1K": 1290}, tuple(RATIOS), takes_size=False),
}

FIELDS = {
    "": {"contents", "systemInstruction", "generationConfig", "safetySettings", "tools", "toolConfig",
         "cachedContent"},
    "contents": {"role", "parts"},
    "parts": {"text", "inlineData", "fileData", "thought", "thoughtSignature"},
    "generation_config": {"responseModalities", "imageConfig", "seed", "temperature", "topP", "topK",
                          "candidateCount", "maxOutputTokens", "stopSequences", "thinkingConfig"},
    "image_config": {"aspectRatio", "imageSize"},
    "safety_settings": {"category", "threshold"},
}
CATEGORIES = {f"HARM_CATEGORY_{name}" for name in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT",
                                                   "DANGEROUS_CONTENT", "CIVIC_INTEGRITY")}
THRESHOLDS = {"BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF"}


def pixels(ratio: str, tier: str) -> tuple:
    """Of an image of that ratio and size."""
    width, height = {**RATIOS, **LONG_RATIOS}[ratio]
    return int(width * SCALES[tier]), int(height * SCALES[tier])


def problem(body: dict, model: Model):
    """The error that this request is answered with, or None."""
    return _unknown(body, "") or _contents(body) or _config(body.get("generationConfig", {}), model) or _safety(body)


def _unknown(value, place: str):
    if not isinstance(value, dict):
        return invalid(f"Invalid value at '{place}'", place)
    for name in value:
        if name not in FIELDS[place]:
            at = f" at '{place}'" if place else ""
            return invalid(f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.', place)


def _each(value, place: str):
    if not isinstance(value, list):
        return invalid(f"Invalid value at '{place}'", place)
    return next(filter(None, (_unknown(one, place) for one in value)), None)


def _contents(body):
    contents = body.get("contents")
    if not contents:
        return invalid("* GenerateContentRequest.contents: contents is not specified")
    if wrong := _each(contents, "contents"):
        return wrong
    for content in contents:
        if content.get("role", "user") not in ("user", "model"):
            return invalid("Please use a valid role: user, model.")
        if wrong := _each(content.get("parts"), "parts"):
            return wrong
        if not content["parts"] or not all(isinstance(part.get("text", ""), str) for part in content["parts"]):
            return invalid("Invalid value at 'contents[0].parts[0].text' (TYPE_STRING)")
        if wrong := _images([part["inlineData"] for part in content["parts"] if "inlineData" in part]):
            return wrong
        if any(part.get("text") == "" for part in content["parts"]):
            return invalid("Unable to submit request because it must have a text parameter that is not empty.")


def _images(images):
    if len(images) > MOST_IMAGES:
        return invalid(f"Unable to process more than {MOST_IMAGES} input images")
    for one in images:
        if not isinstance(one, dict) or one.keys() != {"mimeType", "data"} or one["mimeType"] not in INPUT_TYPES:
            return invalid("Invalid value at 'contents[0].parts[0].inline_data'")
        try:
            if type_of(from_base64(one["data"])) != one["mimeType"]:
                return invalid("Unable to process input image. Its type is not the one that was said.")
        except Unreadable as problem:
            return invalid(f"Unable to process input image: {problem}")


def _config(config, model: Model):
    if wrong := _unknown(config, "generation_config"):
        return wrong
    modalities = config.get("responseModalities", ["TEXT", "IMAGE"])
    if not isinstance(modalities, list) or not set(modalities) <= {"TEXT", "IMAGE"}:
        return invalid("Invalid value at 'generation_config.response_modalities'")
    if "IMAGE" not in modalities:
        return invalid("Model does not support the requested response modalities: text")
    seed = config.get("seed", 0)
    if type(seed) is not int or not -2 ** 31 <= seed < 2 ** 31:
        return invalid(f"Invalid value at 'generation_config.seed' (TYPE_INT32), {seed}", "generation_config.seed")
    if config.get("candidateCount", 1) != 1:
        return invalid("Multiple candidates is not enabled for this model")
    return _image_config(config.get("imageConfig", {}), model)


def _image_config(config, model: Model):
    if wrong := _unknown(config, "image_config"):
        return wrong
    if config.get("aspectRatio", "1:1") not in model.ratios:
        return invalid(f"Invalid aspect ratio: {config['aspectRatio']}", "generation_config.image_config.aspect_ratio")
    if "imageSize" in config and not model.takes_size:
        return invalid("Image size is not supported for this model", "generation_config.image_config.image_size")
    if config.get("imageSize", "1K") not in model.tokens:
        return invalid(f"Invalid image size: {config['imageSize']}", "generation_config.image_config.image_size")


def _safety(body):
    settings = body.get("safetySettings", [])
    if wrong := _each(settings, "safety_settings"):
        return wrong
    for one in settings:
        if one.get("category") not in CATEGORIES or one.get("threshold") not in THRESHOLDS:
            return invalid("Invalid value at 'safety_settings[0]'", "safety_settings")
    if len({one["category"] for one in settings}) < len(settings):
        return invalid("Duplicate safety setting", "safety_settings")
