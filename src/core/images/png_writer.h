// Encodes a canvas as a PNG file in memory.
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

// A text chunk of the file.
struct PngLabel {
    const char *keyword;  // PNG specification, "Keywords and text strings"
    const char *text;
};

// `palette` has the colours of the canvas's bytes, at most 256; all bytes must be within it.
// Returns an empty text if memory is short, or if there are no pixels or no colours.
std::string encode_png(const Canvas &canvas, std::span<const Colour> palette,
                       std::span<const PngLabel> labels);

}  // namespace gateway
