// The sandbox's image: a valid PNG of the requested size for any prompt, labelled as a placeholder.
#include "core/images/placeholder.h"

#include <gtest/gtest.h>
#include <png.h>

#include <array>
#include <climits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gateway {
namespace {

struct Pixels {
    bool sound = false;
    int width = 0;
    int height = 0;
    std::vector<uint32_t> rgba;
};

Pixels decode(const std::string &bytes) {
    Pixels pixels;
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) {
        return pixels;
    }
    image.format = PNG_FORMAT_RGBA;
    pixels.width = static_cast<int>(image.width);
    pixels.height = static_cast<int>(image.height);
    pixels.rgba.resize(size_t{image.width} * image.height);
    pixels.sound = png_image_finish_read(&image, nullptr, pixels.rgba.data(), 0, nullptr) != 0;
    png_image_free(&image);
    return pixels;
}

size_t colours(const Pixels &pixels) {
    return std::set<uint32_t>(pixels.rgba.begin(), pixels.rgba.end()).size();
}

uint32_t number_at(const std::string &bytes, size_t position) {
    uint32_t number = 0;
    for (char byte : bytes.substr(position, 4)) {
        number = number << 8U | static_cast<uint8_t>(byte);
    }
    return number;
}

std::map<std::string, std::string> labels(const std::string &bytes) {
    std::map<std::string, std::string> found;
    for (size_t at = 8; at + 12 <= bytes.size(); at += 12 + size_t{number_at(bytes, at)}) {
        if (bytes.compare(at + 4, 4, "tEXt") == 0) {
            std::string text = bytes.substr(at + 8, number_at(bytes, at));
            size_t end = text.find('\0');
            found[text.substr(0, end)] = text.substr(end + 1);
        }
    }
    return found;
}

std::string draw(int width, int height, std::string_view prompt) {
    return draw_placeholder(
        {.width = width, .height = height, .prompt = prompt, .model = "gpt-image-1", .seed = 7});
}

std::string repeat(std::string_view piece, size_t times) {
    std::string text;
    for (size_t i = 0; i < times; ++i) {
        text += piece;
    }
    return text;
}

TEST(Placeholder, IsAPngOfTheSizeAskedForThatDecodes) {
    const std::vector<std::pair<int, int>> sizes = {
        {1024, 1024}, {1536, 1024}, {1024, 1536}, {256, 256}, {512, 512},
        {1792, 1024}, {4096, 4096}, {64, 2048},   {2048, 64}, {16, 16},
        {16, 4096},   {4096, 16},   {41, 41},     {52, 52},   {53, 53},
        {100, 30},    {997, 613},   {16384, 16},  {16, 16384}};
    for (auto [width, height] : sizes) {
        SCOPED_TRACE(testing::Message() << width << "x" << height);
        std::string bytes = draw(width, height, "a lighthouse at dawn, seen from the sea");
        ASSERT_GT(bytes.size(), 33U);
        EXPECT_EQ(number_at(bytes, 16), static_cast<uint32_t>(width));
        EXPECT_EQ(number_at(bytes, 20), static_cast<uint32_t>(height));
        Pixels pixels = decode(bytes);
        EXPECT_TRUE(pixels.sound);
        EXPECT_EQ(pixels.width, width);
        EXPECT_EQ(pixels.height, height);
        EXPECT_GT(colours(pixels), 8U);
    }
}

TEST(Placeholder, SurvivesEverySmallSize) {
    std::string prompt = repeat("word ", 50);
    for (int width = 1; width <= 140; width += 3) {
        for (int height = 1; height <= 140; height += 3) {
            ASSERT_TRUE(decode(draw(width, height, prompt)).sound) << width << "x" << height;
        }
    }
}

TEST(Placeholder, IsEmptyForASizeThatCannotBe) {
    for (auto [width, height] : std::vector<std::pair<int, int>>{{0, 10},
                                                                 {10, 0},
                                                                 {-1, 10},
                                                                 {10, INT_MIN},
                                                                 {INT_MAX, INT_MAX},
                                                                 {16385, 16},
                                                                 {16384, 16384}}) {
        EXPECT_EQ(draw(width, height, "a cat"), "") << width << "x" << height;
    }
}

TEST(Placeholder, IsTheSameForTheSameRequest) {
    EXPECT_EQ(draw(640, 480, "a cat"), draw(640, 480, "a cat"));
}

TEST(Placeholder, DiffersBySeedIndexPromptAndModel) {
    Placeholder wanted{.width = 256, .height = 256, .prompt = "a cat", .model = "one", .seed = 1};
    std::set<std::string> seen = {draw_placeholder(wanted)};
    for (uint64_t seed : {uint64_t{0}, uint64_t{2}, uint64_t{3}, UINT64_MAX}) {
        Placeholder other = wanted;
        other.seed = seed;
        EXPECT_TRUE(seen.insert(draw_placeholder(other)).second) << "seed " << seed;
    }
    for (int index : {1, 2, 3, 9, INT_MAX}) {
        Placeholder other = wanted;
        other.index = index;
        EXPECT_TRUE(seen.insert(draw_placeholder(other)).second) << "index " << index;
    }
    Placeholder other = wanted;
    other.prompt = "a dog";
    EXPECT_TRUE(seen.insert(draw_placeholder(other)).second);
    other = wanted;
    other.model = "two";
    EXPECT_TRUE(seen.insert(draw_placeholder(other)).second);
}

TEST(Placeholder, OfOneRequestDiffersEvenWithoutRoomForLetters) {
    std::set<std::string> seen;
    for (int index = 0; index < 10; ++index) {
        seen.insert(draw_placeholder({.width = 16, .height = 16, .index = index}));
    }
    EXPECT_EQ(seen.size(), 10U);
}

TEST(Placeholder, TakesAnyPrompt) {
    using namespace std::string_literals;
    std::string all_bytes;
    for (int byte = 0; byte < 256; ++byte) {
        all_bytes.push_back(static_cast<char>(byte));
    }
    const std::vector<std::string> prompts = {"",
                                              " ",
                                              "\n\n\t ",
                                              "x",
                                              "\xff\xfe\x80\xc0\xf8",
                                              "cut short \xf0\x9f\x98",
                                              "\0\0a\0"s,
                                              "%s%n%d</svg>",
                                              all_bytes,
                                              repeat("a", 32000),
                                              repeat("word ", 6400),
                                              repeat(" ", 32000),
                                              repeat("\xe6\x97\xa5", 32000),
                                              repeat("\x80", 32000),
                                              repeat("\n", 32000),
                                              repeat("M\n", 16000)};
    for (auto [width, height] :
         std::vector<std::pair<int, int>>{{1024, 1024}, {64, 2048}, {300, 60}, {16, 16}}) {
        for (const std::string &prompt : prompts) {
            Pixels pixels = decode(draw(width, height, prompt));
            EXPECT_TRUE(pixels.sound) << prompt.substr(0, 20);
            EXPECT_EQ(pixels.width, width);
        }
    }
}

TEST(Placeholder, TakesAnyModelName) {
    std::string long_name = repeat("model/", 5000);
    for (std::string_view model :
         {std::string_view(), std::string_view("\xff\n"), std::string_view(long_name)}) {
        for (int side : {16, 64, 256, 1024}) {
            EXPECT_TRUE(
                decode(draw_placeholder({.width = side, .height = side, .model = model})).sound);
        }
    }
}

TEST(Placeholder, CutsOffAPromptThatDoesNotFit) {
    std::string text = repeat("word ", 3000);
    EXPECT_EQ(draw(512, 512, text + "cat"), draw(512, 512, text + "horse"));
    EXPECT_NE(draw(512, 512, "cat"), draw(512, 512, "horse"));
}

TEST(Placeholder, SaysInItsMetadataThatNoModelMadeIt) {
    for (int side : {16, 1024}) {
        auto found = labels(draw(side, side, "a cat"));
        EXPECT_EQ(found["Software"], "image gateway sandbox");
        EXPECT_EQ(found["Description"], "placeholder image, not generated by a model");
    }
}

TEST(Placeholder, HasAnOpaqueBackgroundUnlessAskedOtherwise) {
    for (bool transparent : {false, true}) {
        Pixels pixels = decode(draw_placeholder({.prompt = "a cat", .transparent = transparent}));
        size_t clear = 0;
        size_t opaque = 0;
        for (uint32_t pixel : pixels.rgba) {
            clear += pixel >> 24U == 0 ? 1 : 0;
            opaque += pixel >> 24U == 255 ? 1 : 0;
        }
        EXPECT_EQ(clear > 0, transparent);
        EXPECT_GT(opaque, pixels.rgba.size() / 4);  // the band and the box can be read on anything
    }
}

}  // namespace
}  // namespace gateway
