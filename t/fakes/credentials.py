"""Images with Content Credentials (C2PA), in the places where each format has them. Nobody signed them."""

import struct
import zlib

# A JUMBF superbox whose description box has the type of a manifest store, longer than a segment of a JPEG.
_DESCRIPTION = struct.pack(">I4s", 30, b"jumd") + b"c2pa" + bytes.fromhex("00110010800000aa00389b71") + b"\x03c2pa\0"
_MANIFEST = struct.pack(">I4s", 8 + 70_000, b"cbor") + bytes(range(250)) * 280
STORE = struct.pack(">I4s", 8 + len(_DESCRIPTION) + len(_MANIFEST), b"jumb") + _DESCRIPTION + _MANIFEST


def with_credentials(image: bytes) -> bytes:
    """The same PNG, JPEG or WebP with a manifest store."""
    if image.startswith(b"\x89PNG"):
        chunk = b"caBX" + STORE
        return image[:33] + struct.pack(">I", len(STORE)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + image[33:]
    if image.startswith(b"\xff\xd8"):
        return image[:2] + _segments() + image[2:]
    if image.startswith(b"RIFF"):
        chunks = image[12:] + b"C2PA" + struct.pack("<I", len(STORE)) + STORE + bytes(len(STORE) % 2)
        return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks
    raise ValueError("neither PNG, JPEG nor WebP")


def _segments() -> bytes:
    """APP11 segments. Each repeats the first eight bytes of the box."""
    box, content, parts = STORE[:8], STORE[8:], b""
    for number, at in enumerate(range(0, len(content), 60_000), 1):
        data = b"JP" + struct.pack(">HI", 1, number) + box + content[at:at + 60_000]
        parts += b"\xff\xeb" + struct.pack(">H", len(data) + 2) + data
    return parts


def avif(width: int, height: int, credentials: bool) -> bytes:
    """The boxes of an AVIF around data that no decoder takes."""
    def box(name, *content):
        data = b"".join(content)
        return struct.pack(">I", 8 + len(data)) + name + data

    zero = bytes(4)
    size = box(b"ispe", zero, struct.pack(">II", width, height))
    of_image = box(b"ipma", zero, struct.pack(">IHBB", 1, 1, 1, 1))
    meta = box(b"meta", zero, box(b"hdlr", zero, zero, b"pict", bytes(13)), box(b"pitm", zero, struct.pack(">H", 1)),
               box(b"iprp", box(b"ipco", size), of_image))
    uuid = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
    store = box(b"uuid", uuid, zero, b"manifest\0", bytes(8), STORE) if credentials else b""
    return box(b"ftyp", b"avif", zero, b"avifmif1miaf") + store + meta + box(b"mdat", b"coded")
