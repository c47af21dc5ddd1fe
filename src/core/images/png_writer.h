// A canvas as the bytes of a PNG file, made in memory by libpng, whose longjmp nobody meets outside
// this room.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/images/canvas.h"

namespace gateway {

struct Colour {
    uint8_t red = 0;
    uint8_t green = 0;
    uint8_t blue = 0;
    uint8_t alpha = 255;
};

// What a picture says of itself to those who look into the file.
struct PngLabel {
    const char *keyword;  // PNG specification, "Keywords and text strings"
    const char *text;
};

// The palette has the colours of the canvas's bytes, at most 256. Empty if memory is short or
// libpng takes exception to the size or the palette.
std::string encode_png(const Canvas &canvas, std::span<const Colour> palette,
                       std::span<const PngLabel> labels);

}  // namespace gateway
