// Reads width and height from the first bytes of a file, for each format.
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

// The number of bytes that suffices for all formats except JPEG.
inline constexpr size_t kFrontOfImage = 33;

// Each takes the front of a file with correct magic bytes. Returns nothing if a side is 0, or the
// header is truncated or invalid.
std::optional<ImageSize> png_size(std::string_view front);
std::optional<ImageSize> webp_size(std::string_view front);
std::optional<ImageSize> gif_size(std::string_view front);

// A JPEG has its size in one of its segments. Any amount of data may precede that segment.
struct JpegStep {
    enum class Kind : uint8_t {
        pass,     // the next `count` bytes do not have the size
        size,     // the size was found, in a segment of `count` bytes
        cut_off,  // there are too few bytes to decide
        wrong,    // this is not a JPEG
    };
    Kind kind = Kind::cut_off;
    size_t count = 0;
    ImageSize size = {};
};

// With this many bytes the result is never cut_off.
inline constexpr size_t kJpegStep = 10;

// `bytes` begin where a marker is expected; the first marker follows the first two magic bytes.
JpegStep step_through_jpeg(std::string_view bytes);

}  // namespace gateway
