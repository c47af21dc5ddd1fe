// The canvas: drawing changes only its own pixels, whatever and wherever is drawn.
#include "core/images/canvas.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gateway {
namespace {

std::vector<std::string> show(const Canvas &canvas) {
    std::vector<std::string> rows;
    for (int y = 0; y < canvas.height(); ++y) {
        std::string row;
        for (int x = 0; x < canvas.width(); ++x) {
            row.push_back(static_cast<char>('0' + canvas.row(y)[x]));
        }
        rows.push_back(row);
    }
    return rows;
}

using Rows = std::vector<std::string>;

TEST(Canvas, ClipsAnAreaAtEveryEdge) {
    Canvas canvas(4, 3);
    canvas.fill(-2, -2, 3, 3, 1);
    canvas.fill(3, 2, 9, 9, 2);
    canvas.fill(4, 0, 1, 1, 3);
    canvas.fill(0, 3, 1, 1, 3);
    canvas.fill(1, 1, -1, 1, 3);
    EXPECT_EQ(show(canvas), (Rows{"1000", "0000", "0002"}));
}

TEST(Canvas, ChangesWhatIsInsideACircleOnce) {
    Canvas canvas(6, 5);
    canvas.change_circle(3, 2, 2, [](Canvas::Pixels pixels) { return pixels + uint8_t{1}; });
    EXPECT_EQ(show(canvas), (Rows{"000000", "001100", "011110", "001100", "000000"}));
}

TEST(Canvas, ClipsACircle) {
    Canvas canvas(3, 1);
    canvas.change_circle(0, 0, 2, [](Canvas::Pixels) { return Canvas::Pixels{} + uint8_t{1}; });
    canvas.change_circle(-9, 50, 3, [](Canvas::Pixels) { return Canvas::Pixels{} + uint8_t{2}; });
    EXPECT_EQ(show(canvas), (Rows{"110"}));
}

TEST(Canvas, GoesThroughAllStepsOfAGradient) {
    Canvas canvas(3, 2);
    draw_gradient(canvas, 4);
    EXPECT_EQ(show(canvas), (Rows{"012", "123"}));
}

TEST(Canvas, DrawsStripesFromEdgeToEdge) {
    Canvas canvas(14, 2);
    draw_stripes(canvas, 0, 2, 1);
    EXPECT_EQ(show(canvas), (Rows{"11111100000011", "11111000000111"}));
}

TEST(Canvas, DrawsALetterAndJoinsDotsThatMeetAtACorner) {
    Glyph slope = {};
    slope[0] = 0b10000;
    slope[1] = 0b01000;
    Canvas small(3, 2);
    draw_glyph(small, slope, 0, 0, 1, 1);
    EXPECT_EQ(show(small), (Rows{"100", "010"}));
    Canvas large(6, 6);
    draw_glyph(large, slope, 0, 0, 3, 1);
    EXPECT_EQ(show(large), (Rows{"111000", "111100", "111110", "011111", "001111", "000111"}));
}

TEST(Canvas, ClipsALetter) {
    Canvas canvas(2, 2);
    draw_glyph(canvas, glyph('W'), 100, -100, 3, 1);
    EXPECT_EQ(show(canvas), (Rows{"00", "00"}));
    Glyph slope = {};
    slope[0] = 0b10000;
    slope[1] = 0b01000;
    draw_glyph(canvas, slope, -3, 0, 3, 1);
    EXPECT_EQ(show(canvas), (Rows{"00", "10"}));
}

}  // namespace
}  // namespace gateway
