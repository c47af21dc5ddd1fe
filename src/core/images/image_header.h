// Reads width and height of a PNG, WebP or GIF from its first bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gateway {

struct ImageSize {
    int width = 0;
    int height = 0;
};

// The number of bytes that suffices for these formats.
inline constexpr size_t kFrontOfImage = 33;

// Nothing if a side is 0 or too large.
std::optional<ImageSize> possible_size(uint32_t width, uint32_t height);

// Each takes the front of a file with correct magic bytes. Returns nothing if a side is 0, or the
// header is truncated or invalid.
std::optional<ImageSize> png_size(std::string_view front);
std::optional<ImageSize> webp_size(std::string_view front);
std::optional<ImageSize> gif_size(std::string_view front);

}  // namespace gateway
