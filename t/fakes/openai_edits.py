"""OpenAI's `POST {base}/images/edits`: what it takes and refuses, and the edited image.

From the provider's OpenAPI description (2026-08-21), its SDK of November 2026, and notes on what it answers to wrong forms."""

import base64
import time

from . import openai_rules as rules
from .edited import File, Unreadable, area, edited, opened, type_of
from .multipart import NotAForm, read_parts
from .openai_errors import CALLER, Error
from .openai_json_edits import Refused, read_json_edit

NUMBERS = {"n", "output_compression", "partial_images"}
MOST_IMAGES = 16


def read_edit(request) -> tuple:
    """The fields with the types that the description gives them, and the files."""
    fields, files = read_parts(request.headers.get("content-type", ""), request.body)
    for name in NUMBERS & fields.keys():
        fields[name] = int(fields[name])
    if "stream" in fields:
        fields["stream"] = {"true": True, "false": False}[fields["stream"]]
    return fields, files


def read_any_edit(request, uploads) -> tuple:
    """The same of a form or of JSON. `uploads`: the files of the account, by id."""
    is_json = request.headers.get("content-type", "").startswith("application/json")
    return read_json_edit(request, uploads) if is_json else read_edit(request)


def images_of(files) -> list:
    return [one for one in files if one.field in ("image", "image[]")]


def mask_of(files):
    return next((one.content for one in files if one.field == "mask"), None)


def edit_problem(request, models, uploads):
    try:
        fields, files = read_any_edit(request, uploads)
    except Refused as refused:
        return refused.args[0]
    except (NotAForm, KeyError, ValueError) as problem:
        return Error(400, "invalid_value", CALLER, f"Value must be 'dall-e-2': {problem}")
    model = fields.get("model")
    if models is not None and model not in models:
        return rules.model_not_found(model)
    return form_problem(fields, files, model)


def form_problem(fields, files, model):
    body = {name: value for name, value in fields.items() if name != "input_fidelity"}
    return (rules.gpt_problem(body, model) or _fidelity_problem(fields, model) or _files_problem(files))


def _fidelity_problem(fields, model):
    given = fields.get("input_fidelity")
    if given is not None and (not model.startswith("gpt-image-1") or given not in ("high", "low")):
        return Error(400, "invalid_value", CALLER, f"Invalid value: '{given}'.", "input_fidelity")


def _files_problem(files):
    for one in files:
        if one.field not in ("image", "image[]", "mask"):
            return Error(400, "unknown_parameter", CALLER, f"Unknown parameter: '{one.field}'.", one.field)
    images, masks = images_of(files), [one for one in files if one.field == "mask"]
    if sum(one.field == "image" for one in images) > 1 or len({one.field for one in images}) > 1 or len(masks) > 1:
        return Error(400, "duplicate_parameter", CALLER, "Duplicate parameter: 'image'.", "image")
    if not 1 <= len(images) <= MOST_IMAGES:
        return Error(400, "missing_required_parameter", CALLER, "Missing required parameter: 'image'.", "image")
    for one in [*images, *masks]:
        if problem := _file_problem(one):
            return problem
    if masks:
        try:
            area(masks[0].content, "alpha")
        except Unreadable as problem:
            return Error(400, "invalid_image_file", CALLER, str(problem), "mask")
        if opened(masks[0].content).size != opened(images[0].content).size:
            return Error(400, "invalid_image_file", CALLER, "The mask must have the image's dimensions.", "mask")


def _file_problem(one: File):
    try:
        if one.type == type_of(one.content):
            return None
    except Unreadable as problem:
        return Error(400, "invalid_image_file", CALLER, str(problem), one.field)
    return Error(400, "unsupported_file_mimetype", CALLER, f"Invalid file '{one.field}': unsupported mimetype ('{one.type}').",
                 one.field)


def edit_document(fields, files) -> dict:
    """As for generations, with tokens for the input images. The images have the size of the first input."""
    images = images_of(files)
    output_format = fields.get("output_format", "png")
    one = edited(images[0].content, mask_of(files), "alpha", output_format=output_format.upper())
    text, tokens, made = len(fields["prompt"].encode()) // 4 + 7, 323 * len(images), 272 * fields.get("n", 1)
    return {"created": int(time.time()), "background": "opaque", "output_format": output_format, "quality": "low",
            "size": "1024x1024", "data": [{"b64_json": base64.b64encode(one).decode()}] * fields.get("n", 1),
            "usage": {"input_tokens": text + tokens, "input_tokens_details": {"text_tokens": text, "image_tokens": tokens},
                      "output_tokens": made, "output_tokens_details": {"image_tokens": made, "text_tokens": 0},
                      "total_tokens": text + tokens + made}}
