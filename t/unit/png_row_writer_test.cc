// Writing PNG files row by row into a sink.
#include "core/images/png_row_writer.h"

#include <gtest/gtest.h>

#include "memory_bytes.h"
#include "png_files.h"

namespace gateway {
namespace {

TEST(PngRowWriter, WritesEveryPixelInEveryColourType) {
    std::mt19937 random(1);
    for (const RowColours colours : {RowColours::grey, RowColours::rgb, RowColours::rgba}) {
        for (const PngEffort effort : {PngEffort::mask, PngEffort::image}) {
            const size_t channels = std::array<size_t, 3>{1, 3, 4}[static_cast<size_t>(colours)];
            std::vector<uint8_t> bytes(7 * 5 * channels);
            for (uint8_t &byte : bytes) {
                byte = static_cast<uint8_t>(random());
            }
            MemorySink sink;
            PngRowWriter writer(sink,
                                {.width = 7, .height = 5, .colours = colours, .effort = effort});
            ASSERT_TRUE(writer.begin());
            for (size_t y = 0; y < 5; ++y) {
                ASSERT_TRUE(writer.write({bytes.data() + y * 7 * channels, 7 * channels}));
            }
            ASSERT_TRUE(writer.end());
            EXPECT_FALSE(writer.has_sink_failed());
            const auto png = read_png(sink.bytes);
            ASSERT_TRUE(png);
            for (size_t i = 0; i < 35; ++i) {
                const uint8_t *p = bytes.data() + i * channels;
                const Rgba expected =
                    channels == 1 ? Rgba{p[0], p[0], p[0], 255}
                                  : Rgba{p[0], p[1], p[2], channels == 4 ? p[3] : uint8_t{255}};
                EXPECT_EQ(png->pixels[i], expected);
            }
        }
    }
}

TEST(PngRowWriter, WritesChunksBeforeThePixels) {
    MemorySink sink;
    const std::vector<PngChunk> chunks = {{"cICP", {"\x09\x10\0\1", 4}}, {"sRGB", {"\0", 1}}};
    PngRowWriter writer(sink, {.width = 1, .height = 1, .chunks = chunks});
    const uint8_t pixel = 7;
    ASSERT_TRUE(writer.begin() && writer.write({&pixel, 1}) && writer.end());
    const std::string expected =
        png_chunk("cICP", std::string("\x09\x10\0\1", 4)) + png_chunk("sRGB", std::string("\0", 1));
    EXPECT_EQ(sink.bytes.find(expected), 33U);
    EXPECT_LT(sink.bytes.find(expected), sink.bytes.find("IDAT"));
}

TEST(PngRowWriter, FailsWhenTheSinkDoes) {
    for (size_t room = 0; room < 200'000; room += 30'000) {
        MemorySink sink;
        sink.fail_from = room;
        std::mt19937 random(2);
        std::vector<uint8_t> row(1000);
        PngRowWriter writer(sink, {.width = 1000, .height = 300});
        bool good = writer.begin();
        for (int y = 0; y < 300; ++y) {
            for (uint8_t &byte : row) {
                byte = static_cast<uint8_t>(random());
            }
            good = writer.write(row) && good;
        }
        EXPECT_FALSE(writer.end() && good);
        EXPECT_TRUE(writer.has_sink_failed());
    }
}

TEST(PngRowWriter, RefusesASizeThatNoPngHas) {
    MemorySink sink;
    PngRowWriter writer(sink, {.width = 0, .height = 1});
    EXPECT_FALSE(writer.begin());
    const uint8_t pixel = 0;
    EXPECT_FALSE(writer.write({&pixel, 1}));
    EXPECT_FALSE(writer.end());
    EXPECT_FALSE(writer.has_sink_failed());
}

}  // namespace
}  // namespace gateway
