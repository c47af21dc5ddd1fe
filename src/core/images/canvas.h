// An image with one byte per pixel, and functions that draw areas, circles, a gradient, stripes and
// letters on it. The bytes are inks; the palette of the PNG gives them colours.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/images/font.h"

namespace gateway {

// Clips every write, so that drawing functions can ignore the edges.
class Canvas {
 public:
    Canvas(int width, int height)
        : width_(width),
          height_(height),
          pixels_(static_cast<size_t>(width) * static_cast<size_t>(height)) {}

    [[nodiscard]] int width() const { return width_; }
    [[nodiscard]] int height() const { return height_; }
    [[nodiscard]] uint8_t *row(int y) {
        return pixels_.data() + static_cast<size_t>(y) * static_cast<size_t>(width_);
    }
    [[nodiscard]] const uint8_t *row(int y) const {
        return pixels_.data() + static_cast<size_t>(y) * static_cast<size_t>(width_);
    }

    template <typename Change>
    void change(int x, int y, int width, int height, Change changed) {
        int from = std::max(x, 0);
        int to = std::min(x + width, width_);
        if (from >= to) {
            return;
        }
        int bottom = std::min(y + height, height_);
        for (int line = std::max(y, 0); line < bottom; ++line) {
            std::transform(row(line) + from, row(line) + to, row(line) + from, changed);
        }
    }

    template <typename Change>
    void change_circle(int x, int y, int radius, Change changed) {
        for (int off = -radius; off <= radius; ++off) {
            int half = reach(radius, off);
            change(x - half, y + off, 2 * half, 1, changed);
        }
    }

    void fill(int x, int y, int width, int height, uint8_t ink) {
        change(x, y, width, height, [ink](uint8_t) { return ink; });
    }

 private:
    // Half the width of a circle, `off` rows away from its centre.
    static int reach(int radius, int off);

    int width_;
    int height_;
    std::vector<uint8_t> pixels_;
};

// Covers the canvas with the inks 0 to `steps` - 1, from the top left to the bottom right corner.
void draw_gradient(Canvas &canvas, int steps);

// Draws slanted warning stripes, which show that this is not a finished image.
void draw_stripes(Canvas &canvas, int y, int thickness, uint8_t ink);

// Replaces the image by squares of `side` pixels, like a preview of an unfinished image.
void draw_mosaic(Canvas &canvas, int side);

// Draws each dot of the glyph as a square of `scale` pixels.
void draw_glyph(Canvas &canvas, const Glyph &shape, int x, int y, int scale, uint8_t ink);

}  // namespace gateway
