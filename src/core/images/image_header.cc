#include "core/images/image_header.h"

#include <algorithm>
#include <limits>

namespace gateway {

namespace {

using namespace std::string_view_literals;

uint32_t byte_at(std::string_view bytes, size_t at) {
    return static_cast<uint8_t>(bytes[at]);
}

uint32_t big_endian(std::string_view bytes, size_t at, size_t count) {
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
        value = value << 8 | byte_at(bytes, at + i);
    }
    return value;
}

uint32_t little_endian(std::string_view bytes, size_t at, size_t count) {
    uint32_t value = 0;
    for (size_t i = count; i-- > 0;) {
        value = value << 8 | byte_at(bytes, at + i);
    }
    return value;
}

std::optional<ImageSize> possible(uint32_t width, uint32_t height) {
    constexpr uint32_t kMax = std::numeric_limits<int>::max();
    if (width == 0 || height == 0 || width > kMax || height > kMax) {
        return std::nullopt;
    }
    return ImageSize{static_cast<int>(width), static_cast<int>(height)};
}

// RFC 6386, section 9.1: a frame tag, whose lowest bit is 0 for a key frame; a start code; width
// and height, each 14 bits below two bits of scaling.
std::optional<ImageSize> vp8_size(std::string_view chunk) {
    if (chunk.size() < 10 || (byte_at(chunk, 0) & 1) != 0 ||
        chunk.substr(3, 3) != "\x9d\x01\x2a"sv) {
        return std::nullopt;
    }
    return possible(little_endian(chunk, 6, 2) & 0x3fff, little_endian(chunk, 8, 2) & 0x3fff);
}

// RFC 9649, section 3.4: a signature, width - 1 and height - 1 in 14 bits each, one bit for alpha,
// a version of three bits.
std::optional<ImageSize> vp8l_size(std::string_view chunk) {
    if (chunk.size() < 5 || byte_at(chunk, 0) != 0x2f) {
        return std::nullopt;
    }
    const uint32_t bits = little_endian(chunk, 1, 4);
    if (bits >> 29 != 0) {
        return std::nullopt;
    }
    return possible((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1);
}

// RFC 9649, section 2.7: flags, width - 1 and height - 1 in 24 bits each, at most 2^32 - 1 pixels.
std::optional<ImageSize> vp8x_size(std::string_view chunk) {
    if (chunk.size() < 10) {
        return std::nullopt;
    }
    const uint32_t width = little_endian(chunk, 4, 3) + 1;
    const uint32_t height = little_endian(chunk, 7, 3) + 1;
    if (uint64_t{width} * height > std::numeric_limits<uint32_t>::max()) {
        return std::nullopt;
    }
    return possible(width, height);
}

// ITU-T T.81, table B.1.
bool stands_alone(uint32_t marker) {
    return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);  // TEM, RST0 to RST7, SOI
}

bool ends_headers(uint32_t marker) {
    return marker == 0xd9 || marker == 0xda;  // EOI, SOS
}

bool starts_frame(uint32_t marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

// T.81, section B.2.2: length, precision, height, width, and three bytes per component.
JpegStep read_frame(std::string_view bytes, size_t length) {
    if (bytes.size() < kJpegStep) {
        return {JpegStep::Kind::cut_off};
    }
    const auto size = possible(big_endian(bytes, 7, 2), big_endian(bytes, 5, 2));
    const size_t components = byte_at(bytes, 9);
    if (!size || components == 0 || length != 8 + 3 * components) {
        return {JpegStep::Kind::wrong};
    }
    return {JpegStep::Kind::size, 2 + length, *size};
}

}  // namespace

// PNG specification, section 11.2.1: IHDR comes first, has 13 bytes, and a checksum follows.
std::optional<ImageSize> png_size(std::string_view front) {
    if (front.size() < kFrontOfImage || front.substr(8, 8) != "\0\0\0\x0dIHDR"sv) {
        return std::nullopt;
    }
    return possible(big_endian(front, 16, 4), big_endian(front, 20, 4));
}

std::optional<ImageSize> webp_size(std::string_view front) {
    constexpr size_t kChunk = 20;
    if (front.size() < kChunk) {
        return std::nullopt;
    }
    const std::string_view name = front.substr(12, 4);
    const std::string_view chunk = front.substr(kChunk, little_endian(front, 16, 4));
    if (name == "VP8 ") {
        return vp8_size(chunk);
    }
    if (name == "VP8L") {
        return vp8l_size(chunk);
    }
    return name == "VP8X" ? vp8x_size(chunk) : std::nullopt;
}

// GIF89a, section 18: the logical screen descriptor has seven bytes, after six magic bytes.
std::optional<ImageSize> gif_size(std::string_view front) {
    if (front.size() < 13) {
        return std::nullopt;
    }
    return possible(little_endian(front, 6, 2), little_endian(front, 8, 2));
}

JpegStep step_through_jpeg(std::string_view bytes) {
    // Any number of 0xff may precede a marker, and "ff 00" is not a marker. libjpeg also skips
    // other bytes, so images with such bytes exist.
    const size_t marker_at = bytes.find_first_not_of('\xff');
    if (marker_at == bytes.npos) {
        return bytes.size() < 2 ? JpegStep{} : JpegStep{JpegStep::Kind::pass, bytes.size() - 1};
    }
    const uint32_t marker = byte_at(bytes, marker_at);
    if (marker_at == 0 || marker == 0) {
        return {JpegStep::Kind::pass, std::min(bytes.find('\xff', marker_at), bytes.size())};
    }
    if (marker_at > 1) {
        return {JpegStep::Kind::pass, marker_at - 1};
    }
    if (ends_headers(marker)) {
        return {JpegStep::Kind::wrong};
    }
    if (stands_alone(marker)) {
        return {JpegStep::Kind::pass, 2};
    }
    if (bytes.size() < 4) {
        return {JpegStep::Kind::cut_off};
    }
    const size_t length = big_endian(bytes, 2, 2);
    if (length < 2) {
        return {JpegStep::Kind::wrong};
    }
    return starts_frame(marker) ? read_frame(bytes, length)
                                : JpegStep{JpegStep::Kind::pass, 2 + length};
}

}  // namespace gateway
