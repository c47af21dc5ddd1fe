"""Forms with input images, as servers that imitate OpenAI take them: the fields, the files, and the mask that they expect."""

import re
from dataclasses import dataclass
from typing import Optional

from .edited import Unreadable, area, edited, opened, type_of
from .multipart import read_parts

TEXTS = ("model", "prompt", "negative_prompt", "size", "user")  # stay texts, whatever they look like


@dataclass(frozen=True)
class EditForm:
    """`fields`: name -> check, as in checks.py. `several`: the name of each of several images."""

    fields: dict
    required: tuple = ("model", "prompt")
    several: Optional[str] = None
    only_several: bool = False          # one image has that name, too
    most: int = 1
    types: tuple = ("image/png", "image/jpeg", "image/webp")
    least_side: int = 1
    mask: Optional[str] = None
    needs_mask: bool = False
    kind: str = "white"
    levels: str = "grey"

    def problem(self, body: dict):
        """What is wrong with a body of `read_body`: a message and the field, or nothing."""
        fields = {name: value for name, value in body.items() if name != "files"}
        for name, value in fields.items():
            if name not in self.fields:
                return f"Argument not supported: {name}", name
            if wrong := self.fields[name](value):
                return f"{name}: {wrong[0]}", name
        for name in self.required:
            if name not in fields:
                return f"{name} is required", name
        return self._files_problem(body["files"])

    def _files_problem(self, files):
        images, masks = self.images(files), [one for one in files if one.field == self.mask]
        if len(images) + len(masks) < len(files):
            return f"Files not supported: {[one.field for one in files]}", "image"
        if not 1 <= len(images) <= self.most:
            return f"1 to {self.most} images are required", "image"
        name = self.several if len(images) > 1 or self.only_several else "image"
        if any(one.field != name for one in images):
            return f"{len(images)} images must be sent as {name}", "image"
        if len(masks) > 1 or (self.needs_mask and not masks):
            return "one mask is required", "mask"
        try:
            for one in images:
                if one.type not in self.types or one.type != type_of(one.content):
                    return f"{one.field} is a {type_of(one.content)}, sent as {one.type}", "image"
                if min(opened(one.content).size) < self.least_side:
                    return f"{one.field} is smaller than {self.least_side} pixels", "image"
            if masks:
                where = area(masks[0].content, self.kind, self.levels)
                if where.size != opened(images[0].content).size:
                    return "the mask must be as large as the image", "mask"
        except Unreadable as wrong:
            return str(wrong), "image"

    def images(self, files) -> list:
        return [one for one in files if one.field in ("image", self.several)]

    def made(self, files, output_format: str, size=None) -> bytes:
        mask = next((one.content for one in files if one.field == self.mask), None)
        return edited(self.images(files)[0].content, mask, self.kind, self.levels, output_format.upper(), size)


def read_body(request) -> dict:
    """The fields of a form, numbers and truths as such, and its files as `files`."""
    fields, files = read_parts(request.headers.get("content-type", ""), request.body)
    return {**{name: value if name in TEXTS else _typed(value) for name, value in fields.items()}, "files": files}


def _typed(text: str):
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"-?\d+\.\d+", text):
        return float(text)
    return {"true": True, "false": False}.get(text, text)
