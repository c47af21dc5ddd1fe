#include "core/images/sniff.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

using namespace std::string_view_literals;

struct Magic {
    std::string_view bytes;
    ImageFormat format;
};

constexpr Magic kMagics[] = {
    {"\x89PNG\r\n\x1a\n"sv, ImageFormat::png},
    {"\xff\xd8\xff"sv, ImageFormat::jpeg},
    {"RIFF\x10\x00\x00\x00WEBP"sv, ImageFormat::webp},
    {"RIFFWEBPWEBP"sv, ImageFormat::webp},
    {"GIF87a"sv, ImageFormat::gif},
    {"GIF89a"sv, ImageFormat::gif},
    {"\x00\x00\x00\x1c"
     "ftypavif"sv,
     ImageFormat::avif},
    {"\x00\x00\x00\x1c"
     "ftypavis"sv,
     ImageFormat::avif},
    {"\x00\x00\x00\x18"
     "ftypheic"sv,
     ImageFormat::heic},
    {"\x00\x00\x00\x18"
     "ftyphevx"sv,
     ImageFormat::heic},
    {"\x00\x00\x00\x14"
     "ftypmif1\x00\x00\x00\x00"
     "avif"sv,
     ImageFormat::avif},
    {"\x00\x00\x00\x18"
     "ftypmif1\x00\x00\x00\x00"
     "miafheic"sv,
     ImageFormat::heic},
};

TEST(Sniff, KnowsAFormatByItsFirstBytes) {
    for (const Magic &magic : kMagics) {
        EXPECT_EQ(sniff(magic.bytes), magic.format);
        EXPECT_EQ(sniff(std::string(magic.bytes) + "and more"), magic.format);
    }
}

TEST(Sniff, KnowsNothingByLessThanTheWholeMagic) {
    for (const Magic &magic : kMagics) {
        for (size_t size = 0; size < magic.bytes.size(); ++size) {
            EXPECT_EQ(sniff(magic.bytes.substr(0, size)), ImageFormat::unknown);
        }
        EXPECT_EQ(sniff(" " + std::string(magic.bytes)), ImageFormat::unknown);
    }
}

TEST(Sniff, TakesNothingElseForAnImage) {
    for (const std::string_view bytes :
         {""sv, "<svg/>"sv, "%PDF-1.7"sv, "GIF88a"sv, "RIFF\x10\x00\x00\x00WAVE"sv,
          "\x89PNG\n\x1a\n\n"sv, "\xff\xd8\xfe"sv,
          "\x00\x00\x00\x18"
          "ftypisom\x00\x00\x00\x00"
          "mp42avc1"sv,
          "\x00\x00\x00\x0c"
          "ftypavif"sv,
          "\x00\x00\x00\x14"
          "ftypmif1\x00\x00\x00\x00"
          "miafavif"sv,
          "RIFX\x10\x00\x00\x00WEBP"sv, "BM"sv}) {
        EXPECT_EQ(sniff(bytes), ImageFormat::unknown);
    }
}

TEST(Sniff, NamesFormatsAsMimeTypesDo) {
    EXPECT_EQ(name_of(ImageFormat::png), "png");
    EXPECT_EQ(name_of(ImageFormat::jpeg), "jpeg");
    EXPECT_EQ(name_of(ImageFormat::webp), "webp");
    EXPECT_EQ(name_of(ImageFormat::gif), "gif");
    EXPECT_EQ(name_of(ImageFormat::avif), "avif");
    EXPECT_EQ(name_of(ImageFormat::heic), "heic");
    EXPECT_EQ(name_of(ImageFormat::unknown), "");
}

}  // namespace
}  // namespace gateway
