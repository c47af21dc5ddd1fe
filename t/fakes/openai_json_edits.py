"""OpenAI's `POST {base}/images/edits` as JSON, whose images are data URLs or ids of files of the same account.

From the provider's OpenAPI description (2026-08-21). The text for an id that it does not have is that of its Files API."""

import json

from .edited import File, Unreadable, type_of
from .json_images import from_data_url
from .openai_errors import CALLER, Error
from .openai_rules import FIXED_SIZES

LONGEST_URL = 20_971_520


class Refused(Exception):
    """With the error that is the answer."""


def _wrong(code: str, message: str, param: str, status: int = 400):
    raise Refused(Error(status, code, CALLER, message, param))


def read_json_edit(request, uploads: dict) -> tuple:
    """The fields, and the files as a form would have them. `uploads`: what the account has, by id."""
    body = json.loads(request.body)
    images = body.pop("images", None)
    if not isinstance(images, list) or not 1 <= len(images) <= 16:
        _wrong("invalid_type", "Invalid 'images': expected an array of 1 to 16 objects.", "images")
    if body.get("size", "auto") not in (*FIXED_SIZES, "auto"):
        _wrong("invalid_value", f"Invalid value: '{body['size']}'.", "size")
    name = "image[]" if len(images) > 1 else "image"
    files = [_file(one, name, f"images[{index}]", uploads) for index, one in enumerate(images)]
    if "mask" in body:
        files.append(_file(body.pop("mask"), "mask", "mask", uploads))
    return body, files


def _file(item, name: str, param: str, uploads: dict) -> File:
    if not isinstance(item, dict) or len(item) != 1 or not {"image_url", "file_id"} & item.keys():
        _wrong("invalid_value", f"Invalid '{param}': exactly one of image_url and file_id is required.", param)
    if "file_id" in item:
        if item["file_id"] not in uploads:
            _wrong(None, f"No such File object: {item['file_id']}", "file_id", 404)
        content = uploads[item["file_id"]]
    else:
        if len(item["image_url"]) > LONGEST_URL:
            _wrong("string_above_max_length", f"Invalid '{param}.image_url': string too long.", param)
        try:
            content = from_data_url(item["image_url"])
        except Unreadable as problem:
            _wrong("invalid_image_file", str(problem), param)
    try:
        return File(name, "file", type_of(content), content)
    except Unreadable as problem:
        _wrong("invalid_image_file", str(problem), param)
