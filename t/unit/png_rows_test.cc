// Reading untrusted PNG files row by row: every kind of PNG, and what is wrong with hostile ones.
#include "core/images/png_rows.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "memory_bytes.h"
#include "png_files.h"

namespace gateway {
namespace {

struct Rows {
    PngHeader header;
    PngFailure failure;
    std::vector<uint8_t> bytes;
    uint32_t rows = 0;
};

Rows read_all(MemorySource &source, RowForm form, const PngLimits &limits = {}) {
    PngRows reader(source, limits, &source.abort);
    Rows read;
    if (reader.open()) {
        read.header = reader.header();
        if (reader.begin(form)) {
            for (auto row = reader.next(); !row.empty(); row = reader.next()) {
                read.bytes.insert(read.bytes.end(), row.begin(), row.end());
                ++read.rows;
            }
            EXPECT_TRUE(reader.next().empty()) << "there is nothing after the end";
        }
    }
    read.failure = reader.failure();
    return read;
}

Rows read_all(const std::string &file, RowForm form = RowForm::rgba, const PngLimits &limits = {}) {
    MemorySource source(file);
    return read_all(source, form, limits);
}

PngProblem problem_of(const std::string &file, const PngLimits &limits = {}) {
    const Rows rows = read_all(file, RowForm::rgba, limits);
    EXPECT_EQ(rows.failure.problem == PngProblem::none, rows.failure.reason.empty());
    return rows.failure.problem;
}

uint8_t luma_by_definition(const Rgba &p) {
    return static_cast<uint8_t>(std::lround(0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]));
}

void expect_pixels(const PngSamples &image, const std::string &file, const std::string &what) {
    const Rows rgba = read_all(file);
    const Rows alpha = read_all(file, RowForm::alpha);
    const Rows luma = read_all(file, RowForm::luma);
    ASSERT_EQ(rgba.failure.reason, "") << what;
    ASSERT_EQ(rgba.rows, image.height) << what;
    ASSERT_EQ(rgba.bytes.size(), size_t{4} * image.width * image.height) << what;
    ASSERT_EQ(alpha.bytes.size() * 4, rgba.bytes.size()) << what;
    ASSERT_EQ(luma.bytes.size() * 4, rgba.bytes.size()) << what;
    EXPECT_EQ(rgba.header.has_alpha, image.has_alpha()) << what;
    EXPECT_EQ(rgba.header.interlaced, image.interlaced) << what;
    EXPECT_EQ(rgba.header.bit_depth, image.bit_depth) << what;
    for (uint32_t y = 0; y < image.height; ++y) {
        for (uint32_t x = 0; x < image.width; ++x) {
            const size_t i = size_t{y} * image.width + x;
            const Rgba expected = pixel_of(image, x, y);
            const Rgba read = {rgba.bytes[i * 4], rgba.bytes[i * 4 + 1], rgba.bytes[i * 4 + 2],
                               rgba.bytes[i * 4 + 3]};
            ASSERT_EQ(read, expected) << what << " at " << x << "," << y;
            ASSERT_EQ(alpha.bytes[i], expected[3]) << what << " at " << x << "," << y;
            ASSERT_NEAR(luma.bytes[i], luma_by_definition(expected), 1) << what;
        }
    }
}

TEST(PngRows, ReadEveryPixelOfEveryKindOfPng) {
    std::mt19937 random(1);
    const std::vector<std::pair<uint32_t, uint32_t>> sizes = {{1, 1}, {1, 9}, {9, 1},   {2, 3},
                                                              {5, 5}, {8, 8}, {17, 11}, {33, 20}};
    for (const PngKind &kind : all_png_kinds()) {
        for (const auto &[width, height] : sizes) {
            const PngSamples image =
                random_image(random, width, height, kind.colour_type, kind.bit_depth,
                             kind.interlaced, kind.transparent);
            expect_pixels(image, make_png(image),
                          "colour type " + std::to_string(kind.colour_type) + ", " +
                              std::to_string(kind.bit_depth) + " bits" +
                              (kind.interlaced ? ", interlaced" : "") +
                              (kind.transparent ? ", tRNS" : "") + ", " + std::to_string(width) +
                              "x" + std::to_string(height));
        }
    }
}

TEST(PngRows, RoundEverySixteenBitValue) {
    PngSamples image{
        .width = 256, .height = 256, .colour_type = PNG_COLOR_TYPE_GRAY, .bit_depth = 16};
    for (uint32_t value = 0; value < 65536; ++value) {
        image.values.push_back(static_cast<uint16_t>(value));
    }
    const Rows rows = read_all(make_png(image));
    ASSERT_EQ(rows.bytes.size(), 65536U * 4);
    for (uint32_t value = 0; value < 65536; ++value) {
        ASSERT_EQ(rows.bytes[value * 4], to_8_bits(static_cast<uint16_t>(value), 16)) << value;
    }
}

std::string small_png(bool interlaced = false) {
    std::mt19937 random(2);
    PngSamples image = random_image(random, 13, 7, PNG_COLOR_TYPE_PALETTE, 8, interlaced, true);
    image.chunks = {{"gAMA", big_endian_text(45455)}};
    image.late_chunks = {{"tEXt", std::string("Title\0a", 7)}};
    return make_png(image);
}

TEST(PngRows, RefuseAFileThatIsTruncatedAnywhere) {
    for (const bool interlaced : {false, true}) {
        const std::string file = small_png(interlaced);
        ASSERT_EQ(problem_of(file), PngProblem::none);
        for (size_t size = 0; size < file.size(); ++size) {
            const PngProblem problem = problem_of(file.substr(0, size));
            ASSERT_EQ(problem, size < 8 ? PngProblem::not_png : PngProblem::broken) << size;
        }
        EXPECT_EQ(problem_of(file + "anything"), PngProblem::none);
    }
}

TEST(PngRows, RefuseAFileInWhichAnyByteIsWrong) {
    for (const bool interlaced : {false, true}) {
        const std::string file = small_png(interlaced);
        for (size_t at = 0; at < file.size(); ++at) {
            for (const int change : {0x01, 0x20, 0x80, 0xff}) {
                std::string wrong = file;
                wrong[at] = static_cast<char>(wrong[at] ^ change);
                ASSERT_NE(problem_of(wrong), PngProblem::none) << at << " ^ " << change;
            }
        }
    }
}

TEST(PngRows, TellWhatCannotBeRead) {
    MemorySource failing(small_png());
    failing.fail_from = 0;
    EXPECT_EQ(read_all(failing, RowForm::rgba).failure.problem, PngProblem::source_failed);
    MemorySource throwing(small_png());
    throwing.throw_at = 1;
    EXPECT_EQ(read_all(throwing, RowForm::rgba).failure.problem, PngProblem::source_failed);
    EXPECT_EQ(problem_of(""), PngProblem::not_png);
    EXPECT_EQ(problem_of("GIF89a"), PngProblem::not_png);
    EXPECT_EQ(problem_of(std::string("\xff\xd8\xff\xe0") + std::string(100, 'x')),
              PngProblem::not_png);
}

std::string large_png() {
    std::mt19937 random(3);
    return make_png(random_image(random, 300, 300, PNG_COLOR_TYPE_RGBA, 8, false, false));
}

TEST(PngRows, TellWhenTheSourceFailsInTheMiddle) {
    const std::string file = large_png();
    ASSERT_GT(file.size(), 200'000U);
    for (int read = 2; read < 6; ++read) {
        MemorySource throwing(file);
        throwing.throw_at = read;
        EXPECT_EQ(read_all(throwing, RowForm::rgba).failure.problem, PngProblem::source_failed);
    }
    MemorySource failing(file);
    failing.fail_from = 100'000;
    const Rows rows = read_all(failing, RowForm::rgba);
    EXPECT_EQ(rows.failure.problem, PngProblem::source_failed);
    EXPECT_GT(rows.rows, 50U);
}

TEST(PngRows, EndSoonAfterTheFlagIsSet) {
    const std::string file = large_png();
    for (int read = 1; read < 6; ++read) {
        MemorySource source(file);
        source.abort_at = read;
        const Rows rows = read_all(source, RowForm::rgba);
        EXPECT_EQ(rows.failure.problem, PngProblem::aborted);
        EXPECT_EQ(source.reads, read);
    }
}

TEST(PngRows, HoldTheLimits) {
    std::mt19937 random(4);
    const auto file = [&](uint32_t width, uint32_t height, bool interlaced) {
        return make_png(
            random_image(random, width, height, PNG_COLOR_TYPE_GRAY, 1, interlaced, false));
    };
    const PngLimits limits{.max_side = 20, .max_pixels = 100, .max_interlaced_pixels = 50};
    EXPECT_EQ(problem_of(file(20, 5, false), limits), PngProblem::none);
    EXPECT_EQ(problem_of(file(5, 20, false), limits), PngProblem::none);
    EXPECT_EQ(problem_of(file(21, 1, false), limits), PngProblem::too_large);
    EXPECT_EQ(problem_of(file(1, 21, false), limits), PngProblem::too_large);
    EXPECT_EQ(problem_of(file(11, 10, false), limits), PngProblem::too_large);
    EXPECT_EQ(problem_of(file(5, 10, true), limits), PngProblem::none);
    EXPECT_EQ(problem_of(file(3, 17, true), limits), PngProblem::too_large);
    EXPECT_EQ(read_all(file(3, 17, true), RowForm::rgba, limits).failure.reason,
              "it has 3x17 pixels, interlaced");
}

std::string png_of(const std::string &chunks) {
    return std::string(kPngSignature) + chunks + png_chunk("IEND", "");
}

TEST(PngRows, RefuseHeadersThatLie) {
    const std::string pixels = png_chunk("IDAT", deflated(std::string(5, '\0')));
    EXPECT_EQ(problem_of(png_of(png_ihdr(4, 1, 8, 0) + pixels)), PngProblem::none);
    EXPECT_EQ(problem_of(png_of(png_ihdr(4, 2, 8, 0) + pixels)), PngProblem::broken);
    EXPECT_EQ(problem_of(png_of(png_ihdr(4, 1, 16, 6) + pixels)), PngProblem::broken);
    EXPECT_EQ(problem_of(png_of(png_ihdr(4, 1, 3, 0) + pixels)), PngProblem::broken);
    EXPECT_EQ(problem_of(png_of(png_ihdr(4, 1, 8, 1) + pixels)), PngProblem::broken);
    EXPECT_EQ(problem_of(png_of(png_ihdr(4, 1, 8, 0, 2) + pixels)), PngProblem::broken);
    EXPECT_EQ(problem_of(png_of(png_ihdr(4, 1, 8, 3) + pixels)), PngProblem::broken);  // no PLTE
    EXPECT_EQ(problem_of(png_of(png_ihdr(0, 1, 8, 0) + pixels)), PngProblem::broken);
    EXPECT_EQ(problem_of(png_of(png_ihdr(0x7fffffff, 1, 8, 0) + pixels)), PngProblem::too_large);
    EXPECT_EQ(problem_of(png_of(png_ihdr(0x7fffffff, 0x7fffffff, 16, 6, 1) + pixels)),
              PngProblem::too_large);
    EXPECT_EQ(problem_of(png_of(png_ihdr(0x80000000, 1, 8, 0) + pixels)), PngProblem::broken);
    EXPECT_EQ(problem_of(png_of(png_ihdr(0xffffffff, 0xffffffff, 8, 0) + pixels)),
              PngProblem::broken);
    EXPECT_EQ(problem_of(png_of(png_ihdr(4, 1, 8, 0))), PngProblem::broken);
    EXPECT_EQ(problem_of(png_of(pixels)), PngProblem::broken);
    EXPECT_EQ(problem_of(png_of("")), PngProblem::broken);
    const std::string huge_chunk = big_endian_text(0x7fffffff) + "tEXt";
    EXPECT_EQ(problem_of(png_of(png_ihdr(4, 1, 8, 0) + huge_chunk)), PngProblem::broken);
    const std::string too_huge = big_endian_text(0xffffffff) + "tEXt";
    EXPECT_EQ(problem_of(png_of(png_ihdr(4, 1, 8, 0) + too_huge)), PngProblem::broken);
    EXPECT_EQ(problem_of(png_of(png_ihdr(4, 1, 8, 0) + png_chunk("CRIT", "") + pixels)),
              PngProblem::broken);
}

TEST(PngRows, ReadAnIndexBeyondThePaletteAsBlack) {
    const std::string file =
        png_of(png_ihdr(2, 1, 8, 3) + png_chunk("PLTE", "\x01\x02\x03") +
               png_chunk("tRNS", "\x7f") + png_chunk("IDAT", deflated(std::string("\0\0\xc8", 3))));
    EXPECT_EQ(read_all(file).bytes, (std::vector<uint8_t>{1, 2, 3, 127, 0, 0, 0, 255}));
}

TEST(PngRows, NeverDecompressTexts) {
    const std::string bomb = deflated(std::string(size_t{8} << 20, 'x'), 1);
    std::string chunks = png_ihdr(1, 1, 8, 0);
    for (int i = 0; i < 20; ++i) {
        chunks += png_chunk("zTXt", std::string("Title\0\0", 7) + bomb);
        chunks += png_chunk("iCCP", std::string("profile\0\0", 9) + bomb);
        chunks += png_chunk("iTXt", std::string("Title\0\1\0\0\0", 10) + bomb);
    }
    chunks += png_chunk("IDAT", deflated(std::string(2, '\0')));
    EXPECT_EQ(problem_of(png_of(chunks)), PngProblem::none);
}

// Of what follows the last row in the compressed stream, little is decompressed.
TEST(PngRows, RefuseMuchMoreDataThanTheImageHas) {
    const std::string bomb = deflated(std::string(size_t{20} << 20, '\0'), 1);
    ASSERT_GT(bomb.size(), 80'000U);
    for (const int interlace : {0, 1}) {
        const std::string header = png_ihdr(3, 3, 8, 0, interlace);
        const std::string some = deflated(std::string(1000, '\0'));
        EXPECT_EQ(problem_of(png_of(header + png_chunk("IDAT", some))), PngProblem::none);
        EXPECT_EQ(read_all(png_of(header + png_chunk("IDAT", bomb))).failure.reason,
                  "there is more image data than its size allows");
    }
}

}  // namespace
}  // namespace gateway
