// The colour spaces of PNG files: which are the same, and what is wrong with hostile ones.
#include "core/images/png_colours.h"

#include <gtest/gtest.h>

#include "memory_bytes.h"
#include "png_files.h"

namespace gateway {
namespace {

using namespace std::string_literals;
using Chunks = std::vector<std::pair<std::string, std::string>>;

const std::string kPoints =
    "\0\0\x7a\x26\0\0\x80\x84\0\0\xfa\0\0\0\x80\xe8\0\0\x75\x30\0\0\xea\x60\0\0\x3a\x98\0\0\x17\x70"s;

std::string profile(const std::string &model, char filling) {
    std::string text(400, filling);
    return text.replace(16, 4, model);
}

std::string iccp(const std::string &name, const std::string &profile, int level = 9) {
    return name + "\0\0"s + deflated(profile, level);
}

std::string file_with(const Chunks &chunks) {
    std::string file = std::string(kPngSignature) + png_ihdr(1, 1, 8, 0);
    for (const auto &[name, data] : chunks) {
        file += png_chunk(name, data);
    }
    return file + png_chunk("IDAT", deflated("\0\0"s)) + png_chunk("IEND", "");
}

struct ReadColours {
    PngColours colours;
    PngFailure failure;
};

ReadColours read(const std::string &file) {
    MemorySource source(file);
    ReadColours read;
    const bool good = read_png_colours(source, read.colours, read.failure);
    EXPECT_EQ(good, read.failure.problem == PngProblem::none);
    return read;
}

std::string space(const Chunks &chunks) {
    const ReadColours colours = read(file_with(chunks));
    EXPECT_EQ(colours.failure.reason, "");
    return colours.colours.space;
}

TEST(PngColours, AreThoseOfSrgbByDefault) {
    EXPECT_EQ(space({}), "sRGB");
    EXPECT_EQ(space({{"tEXt", "a\0b"s}}), "sRGB");
    EXPECT_EQ(space({{"sRGB", "\0"s}}), "sRGB");
    EXPECT_EQ(space({{"sRGB", "\3"s}, {"gAMA", big_endian_text(100'000)}}), "sRGB");
    EXPECT_EQ(space({{"gAMA", big_endian_text(45'455)}}), "sRGB");
    EXPECT_EQ(space({{"cHRM", kPoints}}), "sRGB");
    EXPECT_EQ(space({{"cHRM", kPoints}, {"gAMA", big_endian_text(45'455)}}), "sRGB");
    EXPECT_EQ(space({{"cICP", "\1\x0d\0\1"s}}), "sRGB");
    EXPECT_EQ(space({{"cICP", "\1\x0d\0\1"s}, {"iCCP", iccp("a", profile("RGB ", 'a'))}}), "sRGB");
}

TEST(PngColours, DifferWhereTheSpaceDoes) {
    const std::vector<Chunks> different = {
        {},
        {{"gAMA", big_endian_text(100'000)}},
        {{"gAMA", big_endian_text(50'000)}},
        {{"cHRM", std::string(32, '\1')}},
        {{"cHRM", std::string(32, '\1')}, {"gAMA", big_endian_text(50'000)}},
        {{"cICP", "\x0c\x0d\0\1"s}},
        {{"cICP", "\x09\x10\0\1"s}},
        {{"iCCP", iccp("a", profile("RGB ", 'a'))}},
        {{"iCCP", iccp("a", profile("RGB ", 'b'))}},
    };
    for (size_t a = 0; a < different.size(); ++a) {
        for (size_t b = 0; b < different.size(); ++b) {
            EXPECT_EQ(space(different[a]) == space(different[b]), a == b) << a << " " << b;
        }
    }
}

TEST(PngColours, AreKnownByTheProfileNotByItsNameOrCompression) {
    const std::string text = profile("RGB ", 'a');
    EXPECT_EQ(space({{"iCCP", iccp("one", text, 9)}}), space({{"iCCP", iccp("two", text, 0)}}));
    EXPECT_EQ(space({{"iCCP", iccp("one", text)}, {"sRGB", "\0"s}}),
              space({{"iCCP", iccp("one", text)}}));
}

TEST(PngColours, SayWhetherTheProfileIsOneForRgb) {
    EXPECT_FALSE(read(file_with({{"iCCP", iccp("a", profile("RGB ", 'a'))}}))
                     .colours.has_profile_of_other_model);
    for (const std::string model : {"GRAY", "CMYK", "Lab "}) {
        EXPECT_TRUE(read(file_with({{"iCCP", iccp("a", profile(model, 'a'))}}))
                        .colours.has_profile_of_other_model);
    }
}

TEST(PngColours, KeepTheChunksAsTheyAre) {
    const Chunks chunks = {{"cHRM", kPoints}, {"gAMA", big_endian_text(45'455)}, {"sRGB", "\2"s}};
    const ReadColours colours =
        read(file_with({chunks[0], {"tIME", "1234567"}, chunks[1], chunks[2], {"sRGB", "\1"s}}));
    ASSERT_EQ(colours.colours.chunks.size(), 3U);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(colours.colours.chunks[i].name, chunks[i].first);
        EXPECT_EQ(colours.colours.chunks[i].bytes, chunks[i].second);
    }
}

TEST(PngColours, AreRefusedIfTheProfileIsBroken) {
    const std::string text = profile("RGB ", 'a');
    const std::vector<std::string> broken = {
        "",
        "a",
        "a\0"s,
        "a\0\0"s,
        "a\0\1"s + deflated(text),
        iccp("a", std::string(127, 'a')),
        iccp("a", text).substr(0, 20),
        iccp(std::string(80, 'n'), text),
        "a\0\0not compressed"s,
        iccp("a", std::string(size_t{5} << 20, 'x'), 1),  // a bomb
    };
    for (const std::string &chunk : broken) {
        EXPECT_EQ(read(file_with({{"iCCP", chunk}})).failure.problem, PngProblem::broken);
    }
}

TEST(PngColours, AreRefusedInHostileFiles) {
    const std::string file = file_with({{"gAMA", big_endian_text(45'455)}});
    const size_t pixels = file.find("IDAT");
    for (size_t size = 0; size < pixels + 4; ++size) {
        EXPECT_EQ(read(file.substr(0, size)).failure.problem, PngProblem::broken) << size;
    }
    EXPECT_EQ(read(file.substr(0, pixels + 4)).failure.problem, PngProblem::none);
    const std::string front = file.substr(0, 33);
    EXPECT_EQ(read(front + big_endian_text(0xffffffff) + "tEXt").failure.problem,
              PngProblem::broken);
    EXPECT_EQ(read(front + big_endian_text(0x7fffffff) + "tEXt").failure.problem,
              PngProblem::broken);
    EXPECT_EQ(read(front + big_endian_text(0x00200000) + "iCCP" + std::string(3'000'000, 'x'))
                  .failure.reason,
              "a chunk is too large");
    EXPECT_EQ(read(file_with(Chunks(2000, {"tEXt", "a"}))).failure.reason,
              "it has too many chunks before its pixels");
    MemorySource failing(file);
    failing.fail_from = 20;
    PngColours colours;
    PngFailure failure;
    EXPECT_FALSE(read_png_colours(failing, colours, failure));
    EXPECT_EQ(failure.problem, PngProblem::source_failed);
    MemorySource throwing(file);
    throwing.throw_at = 2;
    EXPECT_FALSE(read_png_colours(throwing, colours, failure));
    EXPECT_EQ(failure.problem, PngProblem::source_failed);
}

}  // namespace
}  // namespace gateway
