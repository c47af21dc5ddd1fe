#include "core/images/canvas.h"

#include <cmath>

namespace gateway {
namespace {

bool dot(const Glyph &glyph, int row, int column) {
    return row < kGlyphRows && column >= 0 && column < kGlyphColumns &&
           (static_cast<unsigned>(glyph[static_cast<size_t>(row)]) >> (kGlyphColumns - 1 - column) &
            1U) != 0;
}

// Joins two dots that meet only at a corner by a slope, as teletext chips did; without it large
// letters would have stairs. (x, y) is the corner; `side` is +1 if the lower dot is to its right.
void join_dots(Canvas &canvas, int x, int y, int side, int scale, uint8_t ink) {
    for (int i = 0; i < scale; ++i) {
        int above = i;
        int below = scale - 1 - i;
        canvas.fill(side > 0 ? x : x - above, y - scale + i, above, 1, ink);
        canvas.fill(side > 0 ? x - below : x, y + i, below, 1, ink);
    }
}

}  // namespace

int Canvas::reach(int radius, int off) {
    double square = static_cast<double>(radius) * radius - static_cast<double>(off) * off;
    return static_cast<int>(std::sqrt(std::max(square, 0.0)));
}

// Every row is the row above, moved by one pixel. This is fast to draw and compresses well.
void draw_gradient(Canvas &canvas, int steps) {
    int length = canvas.width() + canvas.height() - 1;
    std::vector<uint8_t> ramp(static_cast<size_t>(length));
    for (int i = 0; i < length; ++i) {
        ramp[static_cast<size_t>(i)] = static_cast<uint8_t>(int64_t{i} * steps / length);
    }
    for (int y = 0; y < canvas.height(); ++y) {
        std::copy_n(ramp.data() + y, canvas.width(), canvas.row(y));
    }
}

void draw_stripes(Canvas &canvas, int y, int thickness, uint8_t ink) {
    int period = 6 * thickness;
    for (int off = 0; off < thickness; ++off) {
        for (int x = -off; x < canvas.width(); x += period) {
            canvas.fill(x, y + off, period / 2, 1, ink);
        }
    }
}

void draw_mosaic(Canvas &canvas, int side) {
    for (int y = 0; y < canvas.height(); y += side) {
        const uint8_t *middle = canvas.row(std::min(y + side / 2, canvas.height() - 1));
        for (int x = 0; x < canvas.width(); x += side) {
            canvas.fill(x, y, side, side, middle[std::min(x + side / 2, canvas.width() - 1)]);
        }
    }
}

void draw_glyph(Canvas &canvas, const Glyph &shape, int x, int y, int scale, uint8_t ink) {
    for (int row = 0; row < kGlyphRows; ++row) {
        for (int column = 0; column < kGlyphColumns; ++column) {
            if (!dot(shape, row, column)) {
                continue;
            }
            int left = x + column * scale;
            int top = y + row * scale;
            canvas.fill(left, top, scale, scale, ink);
            for (int side : {-1, 1}) {
                bool corner = dot(shape, row + 1, column + side) &&
                              !dot(shape, row, column + side) && !dot(shape, row + 1, column);
                if (corner) {
                    join_dots(canvas, side > 0 ? left + scale : left, top + scale, side, scale,
                              ink);
                }
            }
        }
    }
}

}  // namespace gateway
