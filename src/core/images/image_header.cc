#include "core/images/image_header.h"

#include <limits>

#include "core/images/byte_order.h"

namespace gateway {

namespace {

using namespace std::string_view_literals;

// RFC 6386, section 9.1: a frame tag, whose lowest bit is 0 for a key frame; a start code; width
// and height, each 14 bits below two bits of scaling.
std::optional<ImageSize> vp8_size(std::string_view chunk) {
    if (chunk.size() < 10 || (byte_at(chunk, 0) & 1) != 0 ||
        chunk.substr(3, 3) != "\x9d\x01\x2a"sv) {
        return std::nullopt;
    }
    return possible_size(little_endian(chunk, 6, 2) & 0x3fff, little_endian(chunk, 8, 2) & 0x3fff);
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
    return possible_size((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1);
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
    return possible_size(width, height);
}

}  // namespace

std::optional<ImageSize> possible_size(uint32_t width, uint32_t height) {
    constexpr uint32_t kMax = std::numeric_limits<int>::max();
    if (width == 0 || height == 0 || width > kMax || height > kMax) {
        return std::nullopt;
    }
    return ImageSize{static_cast<int>(width), static_cast<int>(height)};
}

// PNG specification, section 11.2.1: IHDR comes first, has 13 bytes, and a checksum follows.
std::optional<ImageSize> png_size(std::string_view front) {
    if (front.size() < kFrontOfImage || front.substr(8, 8) != "\0\0\0\x0dIHDR"sv) {
        return std::nullopt;
    }
    return possible_size(big_endian(front, 16, 4), big_endian(front, 20, 4));
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
    return possible_size(little_endian(front, 6, 2), little_endian(front, 8, 2));
}

}  // namespace gateway
