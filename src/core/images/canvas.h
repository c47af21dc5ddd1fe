// A picture of one byte a pixel, and what is drawn on it: areas, circles, a gradient, stripes,
// letters. What colour a byte stands for is the business of whoever draws.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/images/font.h"

namespace gateway {

// Every write is clipped here, so nothing that draws needs to think of the edges.
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
    // How far a circle reaches to either side of its centre, `off` rows away from it.
    static int reach(int radius, int off);

    int width_;
    int height_;
    std::vector<uint8_t> pixels_;
};

// Covers the canvas with the inks from 0 to `steps` - 1, from the top left corner to the other.
void draw_gradient(Canvas &canvas, int steps);

// The slanted stripes of a building site: nobody takes that for a finished picture.
void draw_stripes(Canvas &canvas, int y, int thickness, uint8_t ink);

// Squares of so many pixels instead: a picture before it is done.
void draw_mosaic(Canvas &canvas, int side);

// `scale` pixels for each of its dots.
void draw_glyph(Canvas &canvas, const Glyph &shape, int x, int y, int scale, uint8_t ink);

}  // namespace gateway
