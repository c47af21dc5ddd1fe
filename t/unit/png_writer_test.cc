// The PNG writer: every pixel has its colour, labels are unchanged, and it returns no bytes rather
// than a broken file.
#include "core/images/png_writer.h"

#include <gtest/gtest.h>
#include <png.h>

#include <random>
#include <vector>

namespace gateway {
namespace {

using Palette = std::vector<Colour>;

std::string encode(const Canvas &canvas, const Palette &palette) {
    return encode_png(canvas, palette, {});
}

TEST(PngWriter, GivesEveryPixelItsColour) {
    Canvas canvas(2, 1);
    canvas.fill(1, 0, 1, 1, 1);
    std::string bytes = encode(canvas, {{1, 2, 3}, {250, 251, 252, 100}});
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    ASSERT_NE(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()), 0);
    image.format = PNG_FORMAT_RGBA;
    std::vector<uint8_t> rgba(PNG_IMAGE_SIZE(image));
    ASSERT_NE(png_image_finish_read(&image, nullptr, rgba.data(), 0, nullptr), 0);
    EXPECT_EQ(rgba, (std::vector<uint8_t>{1, 2, 3, 255, 250, 251, 252, 100}));
}

std::vector<uint8_t> grey_of(const std::string &bytes) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    EXPECT_NE(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()), 0);
    image.format = PNG_FORMAT_GRAY;
    std::vector<uint8_t> grey(PNG_IMAGE_SIZE(image));
    EXPECT_NE(png_image_finish_read(&image, nullptr, grey.data(), 0, nullptr), 0);
    EXPECT_EQ(image.warning_or_error, 0U) << image.message;
    return grey;
}

// Repetitions of all lengths: of the pixel before, the row above, and that row from its next pixel.
TEST(PngWriter, GivesBackEveryPixelOfAnySizeAndPattern) {
    Palette palette;
    for (unsigned i = 0; i < 256; ++i) {
        const auto level = static_cast<uint8_t>(i);
        palette.push_back({level, level, level});
    }
    std::mt19937 random(7);
    for (int width = 1; width < 1300; width += 1 + width / 7) {
        Canvas canvas(width, 40);
        for (int y = 0; y < canvas.height(); ++y) {
            for (int x = 0; x < width; ++x) {
                const auto any = static_cast<uint8_t>(random());
                const bool is_new = random() % 150 == 0;
                const int kind = y % 4;
                const uint8_t *above = y == 0 ? canvas.row(0) : canvas.row(y - 1);
                const uint8_t same = x == 0 ? 0 : canvas.row(y)[x - 1];
                const uint8_t old = kind == 0                    ? same
                                    : kind == 1 && x + 1 < width ? above[x + 1]
                                    : kind == 2                  ? above[x]
                                                                 : any;
                canvas.row(y)[x] = is_new ? any : old;
            }
        }
        const std::vector<uint8_t> pixels(canvas.row(0), canvas.row(0) + width * 40);
        ASSERT_EQ(grey_of(encode(canvas, palette)), pixels) << width;
    }
}

TEST(PngWriter, SpeaksOfTransparencyOnlyWhereThereIsSome) {
    Canvas canvas(1, 1);
    EXPECT_EQ(encode(canvas, {{1, 2, 3}}).find("tRNS"), std::string::npos);
    EXPECT_NE(encode(canvas, {{1, 2, 3, 254}}).find("tRNS"), std::string::npos);
}

TEST(PngWriter, WritesEveryLabel) {
    const std::vector<PngLabel> labels = {{"Title", "a cat"}, {"Author", "nobody"}};
    std::string bytes = encode_png(Canvas(1, 1), Palette{{1, 2, 3}}, labels);
    using namespace std::string_literals;
    EXPECT_NE(bytes.find("tEXtTitle\0a cat"s), std::string::npos);
    EXPECT_NE(bytes.find("tEXtAuthor\0nobody"s), std::string::npos);
}

TEST(PngWriter, IsEmptyForWhatNoPngCanHold) {
    EXPECT_EQ(encode(Canvas(0, 1), {{1, 2, 3}}), "");
    EXPECT_EQ(encode(Canvas(1, 0), {{1, 2, 3}}), "");
    EXPECT_EQ(encode(Canvas(1, 1), {}), "");
    EXPECT_EQ(encode(Canvas(1, 1), Palette(257)), "");
    EXPECT_NE(encode(Canvas(1, 1), Palette(256)), "");
}

}  // namespace
}  // namespace gateway
