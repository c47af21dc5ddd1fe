// The PNG writer: every pixel has its colour, labels are unchanged, and it returns no bytes rather
// than a broken file.
#include "core/images/png_writer.h"

#include <gtest/gtest.h>
#include <png.h>

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
