"""What providers do with input images: they paint where the mask says so. A mask that was understood the wrong way round paints
the wrong half, and a test sees it in the pixels."""

import io
from typing import NamedTuple, Optional

from PIL import Image

PAINT = (250, 20, 20)
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


class Unreadable(Exception):
    """What is wrong with an image, in the words of a provider."""


class File(NamedTuple):
    """A file of a form."""

    field: str
    name: str
    type: str
    content: bytes


def opened(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except Exception as problem:
        raise Unreadable(f"the image cannot be decoded: {problem}") from problem
    return image


def type_of(content: bytes) -> str:
    return TYPES.get(opened(content).format, "unknown")


def original(width: int = 64, height: int = 48, output_format: str = "PNG") -> bytes:
    """An image in which no pixel has the colour of the paint."""
    image = Image.new("RGB", (width, height))
    image.putdata([(x % 200, y % 200, 120) for y in range(height) for x in range(width)])
    return saved(image, output_format)


def saved(image: Image.Image, output_format: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, output_format, **options)
    return out.getvalue()


def mask(width: int = 64, height: int = 48, box=None) -> bytes:
    """As OpenAI's callers send it: transparent in the box (by default the left half), which is the part to edit."""
    image = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), box or (0, 0, width // 2, height))
    return saved(image)


def area(content: bytes, kind: str, levels: str = "grey") -> Image.Image:
    """The part to edit, 255 for all of it. Refuses what a provider of this kind does not take."""
    image = opened(content)
    if image.format != "PNG":
        raise Unreadable("the mask must be a PNG")
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    if kind in ("alpha", "opaque_alpha"):
        if not has_alpha:
            raise Unreadable("the mask has no alpha channel")
        alpha = image.convert("RGBA").getchannel("A")
        found = alpha if kind == "opaque_alpha" else alpha.point(lambda value: 255 - value)
    else:
        if has_alpha:
            raise Unreadable("the mask must be black and white, without alpha")
        grey = image.convert("L")
        found = grey if kind == "white" else grey.point(lambda value: 255 - value)
    if levels == "two" and set(found.get_flattened_data()) - {0, 255}:
        raise Unreadable("every pixel of the mask must be black or white")
    return found


def edited(content: bytes, mask_content: Optional[bytes] = None, kind: str = "white", levels: str = "grey",
           output_format: str = "PNG", size=None) -> bytes:
    """The first image with paint where the mask says so; without a mask, with a painted strip along its top."""
    image = opened(content).convert("RGB")
    if mask_content is None:
        image.paste(PAINT, (0, 0, image.width, max(1, image.height // 8)))
    else:
        where = area(mask_content, kind, levels)
        if where.size != image.size:
            raise Unreadable(f"the mask has {where.size} pixels, the image {image.size}")
        image.paste(Image.new("RGB", image.size, PAINT), (0, 0), where)
    if size and size != image.size:
        image = image.resize(size)
    return saved(image, output_format, **({"quality": 95} if output_format == "JPEG" else {}))


def painted_box(content: bytes) -> Optional[tuple]:
    """The smallest box that has all the paint (about its colour, for lossy formats)."""
    image = opened(content).convert("RGB")
    where = Image.new("L", image.size)
    where.putdata([255 if all(abs(a - b) < 40 for a, b in zip(pixel, PAINT)) else 0 for pixel in image.get_flattened_data()])
    return where.getbbox()
