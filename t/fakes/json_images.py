"""Input images in JSON, as fakes read them: base64 alone, or data URLs."""

import base64
import binascii
import re

from .edited import Unreadable, edited, opened, type_of


def from_base64(text) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error) as problem:
        raise Unreadable(f"this is no base64: {problem}") from problem


def from_data_url(text) -> bytes:
    match = re.fullmatch(r"data:(image/[a-z]+);base64,(.*)", text, re.DOTALL) if isinstance(text, str) else None
    if not match:
        raise Unreadable("this is no data URL")
    content = from_base64(match[2])
    if type_of(content) != match[1]:
        raise Unreadable(f"the data URL says {match[1]}, but the image is {type_of(content)}")
    return content


def image_field(read, list_of: int = 0, largest: int = 20_000_000):
    """A check (fakes/checks.py) of a field with one image, or with a list of up to so many."""
    def check(value):
        if list_of and (not isinstance(value, list) or not 1 <= len(value) <= list_of):
            return f"Input should be a list of 1 to {list_of} images", "list_type"
        try:
            for one in value if list_of else [value]:
                content = read(one)
                opened(content)
                if len(content) > largest:
                    return f"The image should have at most {largest} bytes", "too_large"
        except Unreadable as problem:
            return str(problem), "value_error"
    return check


def painted(read, body: dict, fields, mask_field: str = "mask", kind: str = "white", levels: str = "grey",
            output_format: str = "PNG"):
    """The first image of the body with paint; nothing if the body has no image."""
    for name in fields:
        if name in body:
            first = body[name][0] if isinstance(body[name], list) else body[name]
            mask = body.get(mask_field)
            return edited(read(first), mask and read(mask), kind, levels, output_format)
    return None
