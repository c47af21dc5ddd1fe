"""Real images of any size, made with nothing but the standard library."""

import random
import struct
import zlib
from functools import lru_cache


@lru_cache(maxsize=256)
def sample_image(width: int, height: int, output_format: str = "png", index: int = 0, size_bytes: int = 0,
            transparent: bool = False) -> bytes:
    """A decodable one-colour image; `index` makes different ones, `size_bytes` pads to exactly so many bytes."""
    colour = ((71 * index + 200) % 256, (151 * index + 60) % 256, (37 * index + 40) % 256)
    if output_format == "png":
        return _png(width, height, colour, transparent, size_bytes)
    if output_format == "jpeg":
        return _jpeg(width, height, colour, size_bytes)
    if output_format == "webp":
        return _webp(width, height, colour, transparent, size_bytes)
    if output_format == "gif":
        return _gif(width, height, colour)
    raise ValueError(f"no such format: {output_format}")


def _noise(count: int) -> bytes:
    return random.Random(count).randbytes(count)


def _padding(size_bytes: int, made: int, overhead: int) -> int:
    """How many bytes to add, the padding's own overhead among them."""
    padding = size_bytes - made if size_bytes else 0
    if padding < 0 or 0 < padding < overhead:
        raise ValueError(f"an image of exactly {size_bytes} bytes cannot be made: it has {made} already")
    return padding


def _png(width, height, colour, transparent, size_bytes) -> bytes:
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + bytes((width + 7) // 8)  # filter type, then one bit for each pixel: colour 0 of the palette
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0))
    head += chunk(b"PLTE", bytes(colour)) + (chunk(b"tRNS", b"\0") if transparent else b"")
    tail = chunk(b"IDAT", zlib.compress(row * height, 1)) + chunk(b"IEND", b"")
    padding = _padding(size_bytes, len(head) + len(tail), 12)
    return head + (chunk(b"paDd", _noise(padding - 12)) if padding else b"") + tail


def _jpeg(width, height, colour, size_bytes) -> bytes:
    """Baseline grey: every 8x8 block is "no change, end of block", two zero bits; only the first has a value."""
    def segment(marker, data):
        return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data

    def one_code_table(identity, *symbols):
        return bytes((identity, len(symbols) > 0, len(symbols) - 1)) + bytes(14) + bytes(symbols)

    difference = 1 + colour[0] % 255
    category = difference.bit_length()
    blocks = ((width + 7) // 8) * ((height + 7) // 8)
    bits = "10" + format(difference, "b") + "0" + "00" * (blocks - 1)
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    head = b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    tail = segment(0xDB, b"\0" + b"\1" * 64) + segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    tail += segment(0xC4, one_code_table(0x00, 0, category)) + segment(0xC4, one_code_table(0x10, 0))
    tail += segment(0xDA, b"\1\1\0\0\x3f\0") + scan + b"\xff\xd9"
    left = _padding(size_bytes, len(head) + len(tail), 4)
    comments = b""
    while left:
        count = min(left, 65537)
        if 0 < left - count < 4:
            count -= 4
        comments += segment(0xFE, _noise(count - 4))
        left -= count
    return head + comments + tail


def _webp(width, height, colour, transparent, size_bytes) -> bytes:
    """Lossless, five prefix codes of one symbol each, so that the pixels need no bits at all."""
    bits, length = 0, 0

    def put(value, count):
        nonlocal bits, length
        bits |= value << length
        length += count

    put(width - 1, 14), put(height - 1, 14), put(1 if transparent else 0, 1), put(0, 3)
    put(0, 1), put(0, 1), put(0, 1)  # no transform, no colour cache, no meta prefix codes
    for symbol in (colour[1], colour[0], colour[2], 0 if transparent else 255, 0):
        put(1, 1), put(0, 1), put(1, 1), put(symbol, 8)  # simple code, one symbol, of eight bits
    data = b"\x2f" + bits.to_bytes((length + 7) // 8, "little")

    def chunk(kind, content):
        return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)

    body = b"WEBP" + chunk(b"VP8L", data)
    padding = _padding(size_bytes, len(body) + 8, 8)
    if padding % 2:
        raise ValueError("a webp has an even number of bytes")
    if padding:
        body += chunk(b"paDd", _noise(padding - 8))
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _gif(width, height, colour) -> bytes:
    """Two colours, and a clear code before every pixel, so that no code is ever longer than three bits."""
    codes = "".join(f"{0:03b}{4:03b}" for _ in range(width * height))  # written backwards, as the bits are
    bits = f"{5:03b}" + codes
    data = int(bits, 2).to_bytes((len(bits) + 7) // 8, "little")
    blocks = b"".join(bytes((len(data[i:i + 255]),)) + data[i:i + 255] for i in range(0, len(data), 255))
    return (b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(colour) + bytes(3) + b"," +
            struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\2" + blocks + b"\0;")
