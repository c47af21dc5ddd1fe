"""Stability's endpoints that take images: what they take and refuse, and the image that they make.

From the provider's OpenAPI description of June 2025, and notes on its pages of 2026."""

from dataclasses import dataclass

from .edited import Unreadable, area, edited, opened, type_of

COMMON = ("negative_prompt", "seed", "output_format")
NUMBERS = {"strength": (0, 1), "creativity": (0, 1), "control_strength": (0, 1), "fidelity": (0, 1), "style_strength": (0, 1),
           "composition_fidelity": (0, 1), "change_strength": (0.1, 1), "grow_mask": (0, 20), "left": (0, 2000),
           "right": (0, 2000), "up": (0, 2000), "down": (0, 2000)}


@dataclass(frozen=True)
class Tool:
    """An endpoint for images. `sides`: least and most pixels of a side; `pixels`: of an image."""

    needs: tuple = ("prompt",)
    takes: tuple = COMMON
    images: tuple = ("image",)
    has_mask: bool = False
    sides: tuple = (64, 16384)
    pixels: int = 9_437_184
    formats: tuple = ("png", "jpeg", "webp")


TOOLS = {
    "edit/inpaint": Tool(takes=(*COMMON, "grow_mask", "style_preset"), has_mask=True),
    "edit/erase": Tool((), ("seed", "output_format", "grow_mask"), has_mask=True),
    "edit/outpaint": Tool((), ("prompt", "seed", "output_format", "left", "right", "up", "down", "creativity")),
    "edit/search-and-replace": Tool(("prompt", "search_prompt"), (*COMMON, "grow_mask")),
    "edit/search-and-recolor": Tool(("prompt", "select_prompt"), (*COMMON, "grow_mask")),
    "edit/remove-background": Tool((), ("output_format",), pixels=4_194_304, formats=("png", "webp")),
    "control/sketch": Tool(takes=(*COMMON, "control_strength")),
    "control/structure": Tool(takes=(*COMMON, "control_strength")),
    "control/style": Tool(takes=(*COMMON, "fidelity", "aspect_ratio")),
    "control/style-transfer": Tool((), ("prompt", *COMMON, "style_strength", "composition_fidelity", "change_strength"),
                                   ("init_image", "style_image")),
    "upscale/fast": Tool((), ("output_format",), sides=(32, 1536), pixels=1_048_576),
    "upscale/conservative": Tool(takes=(*COMMON, "creativity")),
}
# The same for what generates, where it is given an image.
GENERATORS = {
    "generate/ultra": Tool(("prompt", "strength"), (*COMMON, "style_preset")),
    "generate/sd3": Tool(("prompt", "strength", "mode", "model"), (*COMMON, "cfg_scale", "style_preset")),
}


def tool_of(endpoint: str, files: list):
    return TOOLS.get(endpoint) or (GENERATORS.get(endpoint) if files else None)


def problems_of_tool(tool: Tool, form: dict, files: list):
    for name in form:
        if name not in tool.needs + tool.takes:
            yield f"{name}: is not allowed"
    for name in tool.needs:
        if name not in form:
            yield f"{name}: is required"
    for name, (least, most) in NUMBERS.items():
        if name in form and not least <= float(form[name]) <= most:
            yield f"{name}: must be a number between {least} and {most}"
    if form.get("output_format", "png") not in tool.formats:
        yield f"output_format: must be one of [{', '.join(tool.formats)}]"
    if form.get("mode", "image-to-image") != "image-to-image":
        yield "image: is only valid for image-to-image"
    if "left" in tool.takes and not any(float(form.get(side, 0)) for side in ("left", "right", "up", "down")):
        yield "at least one of [left, right, up, down] must not be 0"
    yield from _problems_of_files(tool, files)


def _problems_of_files(tool: Tool, files: list):
    names = [one.field for one in files]
    for name in names:
        if name not in tool.images and not (tool.has_mask and name == "mask") or names.count(name) > 1:
            yield f"{name}: is not allowed"
    for name in tool.images:
        if name not in names:
            yield f"{name}: is required"
    for one in files:
        try:
            image = opened(one.content)
            if one.type != type_of(one.content) or one.type not in ("image/png", "image/jpeg", "image/webp"):
                yield f"{one.field}: has an unsupported format"
            if one.field == "mask":
                area(one.content, "white")
            elif not tool.sides[0] <= min(image.size) <= max(image.size) <= tool.sides[1]:
                yield f"{one.field}: each side must be from {tool.sides[0]} to {tool.sides[1]} pixels"
            elif image.width * image.height > tool.pixels:
                yield f"{one.field}: must have at most {tool.pixels} pixels"
            elif tool.has_mask and "mask" not in names and "A" not in image.getbands():
                yield "mask: is required, or the image must have transparent pixels"
        except Unreadable as problem:
            yield f"{one.field}: {problem}"


def made_of(endpoint: str, form: dict, files: list) -> bytes:
    """The edited image. Without a mask, the transparent part of the image is the one to edit."""
    tool = tool_of(endpoint, files)
    content = {one.field: one.content for one in files}
    image = content[tool.images[0]]
    size = opened(image).size
    if endpoint == "upscale/fast":
        size = (4 * size[0], 4 * size[1])
    mask, kind = (content.get("mask"), "white") if tool.has_mask else (None, "")
    if tool.has_mask and mask is None:
        mask, kind = image, "alpha"
    return edited(image, mask, kind, output_format=form.get("output_format", "png").upper(), size=size)
