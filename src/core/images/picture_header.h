// Width and height in the first bytes of a file, of each format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gateway {

struct PictureSize {
    int width = 0;
    int height = 0;
};

// Enough of the front of a file for all formats but JPEG.
inline constexpr size_t kFrontOfPicture = 33;

// Each takes the front of a file whose magic bytes were found to be right. Nothing if a side is 0,
// the header is cut off, or it is not as the format has it.
std::optional<PictureSize> png_size(std::string_view front);
std::optional<PictureSize> webp_size(std::string_view front);
std::optional<PictureSize> gif_size(std::string_view front);

// A JPEG has its size in one of many segments, behind as much as its makers like.
struct JpegStep {
    enum class Kind : uint8_t {
        pass,     // nothing of interest in the next `count` bytes
        size,     // found, in a segment of `count` bytes
        cut_off,  // the bytes end before it can be told
        wrong,    // no JPEG goes on like this
    };
    Kind kind = Kind::cut_off;
    size_t count = 0;
    PictureSize size = {};
};

// So many bytes are never cut_off.
inline constexpr size_t kJpegStep = 10;

// `bytes` begin where a marker is due, the first time behind the magic's first two bytes.
JpegStep step_through_jpeg(std::string_view bytes);

}  // namespace gateway
