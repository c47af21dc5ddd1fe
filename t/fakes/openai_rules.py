"""What OpenAI's generations endpoint takes and refuses, model by model.

From the provider's OpenAPI description (2026-08-21) and its image guide. Each check returns an Error or None.
"""

import re

from .openai_errors import CALLER, IMAGE, Error

CURRENT = ("gpt-image-2.5-sunburst", "gpt-image-2.5-sunburst-2026-09-08", "gpt-image-2.5-flare",
           "gpt-image-2.5-flare-2026-09-08", "gpt-image-2", "gpt-image-2-2026-04-21", "gpt-image-1.5",
           "gpt-image-1.5-2025-12-16", "gpt-image-1-mini", "chatgpt-image-latest")

COMMON_FIELDS = {"prompt", "model", "n", "size", "quality", "user"}
GPT_FIELDS = COMMON_FIELDS | {"background", "output_format", "output_compression", "moderation", "stream",
                              "partial_images"}
DALLE_FIELDS = COMMON_FIELDS | {"response_format", "style"}

FIXED_SIZES = ("1024x1024", "1536x1024", "1024x1536")
DALLE_SIZES = {"dall-e-3": ("1024x1024", "1792x1024", "1024x1792"), "dall-e-2": ("256x256", "512x512", "1024x1024")}
KINDS = {str: "a string", int: "an integer", bool: "a boolean", float: "a decimal number", list: "an array",
         dict: "an object", type(None): "null"}


def is_gpt_family(model: str) -> bool:
    return model.startswith(("gpt-image-", "chatgpt-image-"))


def has_free_sizes(model: str) -> bool:
    return model.startswith("gpt-image-2")


def gpt_problem(body: dict, model: str):
    quality = ("low", "medium", "high", "xhigh", "max", "auto") if model.startswith("gpt-image-2.5") else (
        "low", "medium", "high", "auto")
    return (_unknown(body, GPT_FIELDS)
            or _prompt(body, 32000)
            or _integer(body, "n", 1, 10)
            or _string(body, "size") or _gpt_size(body, model)
            or _choice(body, "quality", quality)
            or _choice(body, "background", ("transparent", "opaque", "auto"))
            or _choice(body, "output_format", ("png", "jpeg", "webp"))
            or _integer(body, "output_compression", 0, 100)
            or _choice(body, "moderation", ("low", "auto"))
            or _type(body, "stream", bool)
            or _integer(body, "partial_images", 0, 3)
            or _string(body, "user")
            or _gpt_combination(body, model))


def dalle_problem(body: dict, model: str):
    """The dialect of dall-e, as servers that imitate OpenAI still speak it; their own models take any size."""
    prompt_length = {"dall-e-2": 1000, "dall-e-3": 4000}.get(model, 32000)
    quality = {"dall-e-2": ("standard",), "dall-e-3": ("standard", "hd", "auto")}.get(
        model, ("standard", "hd", "low", "medium", "high", "auto"))
    return (_unknown(body, DALLE_FIELDS)
            or _prompt(body, prompt_length)
            or _integer(body, "n", 1, 1 if model == "dall-e-3" else 10)
            or _string(body, "size") or _dalle_size(body, model)
            or _choice(body, "quality", quality)
            or _choice(body, "style", ("vivid", "natural"))
            or _choice(body, "response_format", ("url", "b64_json"))
            or _string(body, "user"))


def model_not_found(model: str) -> Error:
    return Error(404, "model_not_found", CALLER,
                 f"The model `{model}` does not exist or you do not have access to it.")


def _unknown(body, fields):
    for name in body:
        if name not in fields:
            return Error(400, "unknown_parameter", CALLER, f"Unknown parameter: '{name}'.", name)


def _type(body, name, kind, required=False):
    value = body.get(name)
    if name in body and not (value is None and not required) and type(value) is not kind:
        return Error(400, "invalid_type", CALLER, f"Invalid type for '{name}': expected {KINDS[kind]}, but got "
                     f"{KINDS[type(value)]} instead.", name)


def _string(body, name):
    return _type(body, name, str)


def _prompt(body, longest):
    if "prompt" not in body:
        return Error(400, "missing_required_parameter", CALLER, "Missing required parameter: 'prompt'.", "prompt")
    problem = _type(body, "prompt", str, required=True)
    if problem:
        return problem
    length = len(body["prompt"])
    if length == 0:
        return Error(400, "string_below_min_length", CALLER, "Invalid 'prompt': empty string. Expected a string with "
                     "minimum length 1, but got an empty string instead.", "prompt")
    if length > longest:
        return Error(400, "string_above_max_length", CALLER, "Invalid 'prompt': string too long. Expected a string "
                     f"with maximum length {longest}, but got a string with length {length} instead.", "prompt")


def _integer(body, name, least, most):
    problem = _type(body, name, int)
    value = body.get(name)
    if problem or value is None:
        return problem
    if value > most:
        return Error(400, "integer_above_max_value", CALLER, f"Invalid '{name}': integer above maximum value. "
                     f"Expected a value <= {most}, but got {value} instead.", name)
    if value < least:
        return Error(400, "integer_below_min_value", CALLER, f"Invalid '{name}': integer below minimum value. "
                     f"Expected a value >= {least}, but got {value} instead.", name)


def _invalid(name, message, kind=IMAGE, code="invalid_value"):
    return Error(400, code, kind, message, name)


def _choice(body, name, allowed):
    problem = _string(body, name)
    value = body.get(name)
    if problem or value is None:
        return problem
    if value not in allowed:
        *most, last = (f"'{one}'" for one in allowed)
        listed = f"{', '.join(most)}, and {last}" if most else last
        return _invalid(name, f"Invalid value: '{value}'. Supported values are: {listed}.", CALLER)


def _edges(size):
    match = re.fullmatch(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", size)
    return match and (int(match[1]), int(match[2]))


def _gpt_size(body, model):
    size = body.get("size")
    if size in (None, "auto"):
        return None
    if not has_free_sizes(model):
        return _choice(body, "size", (*FIXED_SIZES, "auto"))
    edges = _edges(size)
    if not edges:
        return _invalid("size", f"Invalid size '{size}'. Expected WIDTHxHEIGHT or 'auto'.")
    short, long = sorted(edges)
    pixels = short * long
    for wrong, reason in (
            (short % 16 or long % 16, "Width and height must both be divisible by 16."),
            (long > 3840, "The longest edge must be less than or equal to 3840."),
            (long > 3 * short, "The ratio of the long edge to the short edge must not exceed 3:1."),
            (pixels < 655360, "The number of pixels must be at least 655360."),
            (pixels > 8294400, "The number of pixels must be at most 8294400.")):
        if wrong:
            return _invalid("size", f"Invalid size '{size}'. {reason}")


def _dalle_size(body, model):
    size = body.get("size")
    if size is None:
        return None
    if model in DALLE_SIZES:
        return _choice(body, "size", DALLE_SIZES[model])
    if not _edges(size):
        return _invalid("size", f"Invalid size '{size}'.", CALLER)


def _gpt_combination(body, model):
    output_format = body.get("output_format") or "png"
    if body.get("background") == "transparent":
        if output_format == "jpeg":
            return _invalid("background", "Transparent background is not supported for JPEG output format.")
        if model.startswith("gpt-image-2") and not model.startswith("gpt-image-2.5"):
            return _invalid("background", "Transparent background is not supported for this model.")
    compression = body.get("output_compression")
    if output_format == "png" and compression is not None and compression < 100:
        return _invalid("output_compression", "Compression less than 100 is not supported for PNG output format.",
                        code="invalid_png_output_compression")
    if body.get("partial_images") and not body.get("stream"):
        return _invalid("partial_images", "'partial_images' is only supported when 'stream' is true.", CALLER)
