// An image with one byte per pixel, and functions that draw areas, circles, a gradient, stripes and
// letters on it. The bytes are inks; the palette of the PNG gives them colours.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/images/font.h"

namespace gateway {

// Clips every write, so that drawing functions can ignore the edges.
class Canvas {
 public:
    // Pixels that are changed at once, by operations of the compiler's vector types.
    using Pixels = uint8_t __attribute__((vector_size(16)));

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

    // `changed` returns the new pixels for old ones; each depends on the one in its place alone.
    template <typename Change>
    void change(int x, int y, int width, int height, Change changed) {
        for_each_row(x, y, width, height, [changed](uint8_t *at, size_t left) {
            Pixels pixels{};
            for (; left >= sizeof(pixels); at += sizeof(pixels), left -= sizeof(pixels)) {
                std::memcpy(&pixels, at, sizeof(pixels));
                pixels = changed(pixels);
                std::memcpy(at, &pixels, sizeof(pixels));
            }
            std::memcpy(&pixels, at, left);
            pixels = changed(pixels);
            std::memcpy(at, &pixels, left);
        });
    }

    template <typename Change>
    void change_circle(int x, int y, int radius, Change changed) {
        for (int off = -radius; off <= radius; ++off) {
            int half = reach(radius, off);
            change(x - half, y + off, 2 * half, 1, changed);
        }
    }

    void fill(int x, int y, int width, int height, uint8_t ink) {
        for_each_row(x, y, width, height,
                     [ink](uint8_t *at, size_t count) { std::memset(at, ink, count); });
    }

 private:
    template <typename Draw>
    void for_each_row(int x, int y, int width, int height, Draw draw) {
        int from = std::max(x, 0);
        int to = std::min(x + width, width_);
        if (from >= to) {
            return;
        }
        int bottom = std::min(y + height, height_);
        for (int line = std::max(y, 0); line < bottom; ++line) {
            draw(row(line) + from, static_cast<size_t>(to - from));
        }
    }

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
