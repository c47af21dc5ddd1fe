// A truncated image is not accepted.
#include "core/images/image_end.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

using namespace std::string_literals;

const std::string kPngEnd = "\0\0\0\0IEND\xae\x42\x60\x82"s;

bool ends(ImageFormat format, const std::string &tail) {
    return has_end(format, "front", tail, 1000);
}

TEST(ImageEnd, OfPngIsItsLastChunkWithFewBytesBehindIt) {
    EXPECT_TRUE(ends(ImageFormat::png, "data" + kPngEnd));
    for (size_t missing = 1; missing <= kPngEnd.size(); ++missing) {
        EXPECT_FALSE(ends(ImageFormat::png, "data" + kPngEnd.substr(0, kPngEnd.size() - missing)));
    }
    EXPECT_TRUE(ends(ImageFormat::png, kPngEnd + "\r\n"));
    EXPECT_TRUE(ends(ImageFormat::png, kPngEnd + std::string(64, '\0')));
    EXPECT_FALSE(ends(ImageFormat::png, kPngEnd + std::string(65, '\0')));
}

TEST(ImageEnd, OfJpegMayHaveAFewBytesBehindIt) {
    EXPECT_TRUE(ends(ImageFormat::jpeg, "data\xff\xd9"));
    EXPECT_TRUE(ends(ImageFormat::jpeg, "data\xff\xd9\r\n"));
    EXPECT_TRUE(ends(ImageFormat::jpeg, "data\xff\xd9" + std::string(62, '\0')));
    EXPECT_FALSE(ends(ImageFormat::jpeg, "data\xff\xd9" + std::string(63, '\0')));
    EXPECT_FALSE(ends(ImageFormat::jpeg, "data\xff"));
    EXPECT_FALSE(ends(ImageFormat::jpeg, "\xff\0\xff\xd0"s));
}

TEST(ImageEnd, OfGifIsItsTrailer) {
    EXPECT_TRUE(ends(ImageFormat::gif, "data\0\x3b"s));
    EXPECT_TRUE(ends(ImageFormat::gif, "data\0\x3b\0\0"s));
    EXPECT_FALSE(ends(ImageFormat::gif, "data\0"s));
    EXPECT_FALSE(ends(ImageFormat::gif, "\0\0"s));
}

TEST(ImageEnd, OfWebpIsWhereItSaysAtItsFront) {
    const std::string front = "RIFF\x0c\x01\0\0WEBP"s;
    EXPECT_TRUE(has_end(ImageFormat::webp, front, "", 0x10c + 8));
    EXPECT_TRUE(has_end(ImageFormat::webp, front, "", 0x10c + 9));
    EXPECT_FALSE(has_end(ImageFormat::webp, front, "", 0x10c + 7));
    EXPECT_FALSE(has_end(ImageFormat::webp, front.substr(0, 7), "", 1'000'000));
}

TEST(ImageEnd, OfWhatIsNoImageIsNone) {
    EXPECT_FALSE(ends(ImageFormat::unknown, kPngEnd));
}

}  // namespace
}  // namespace gateway
