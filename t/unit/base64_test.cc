#include "core/bytes/base64.h"

#include <gtest/gtest.h>

#include <random>

namespace gateway {
namespace {

TEST(Base64, IsThatOfTheStandard) {
    constexpr std::string_view kRows[][2] = {// RFC 4648, section 10
                                             {"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    for (const auto &[bytes, text] : kRows) {
        EXPECT_EQ(encode_base64(bytes), text);
        EXPECT_EQ(decode_base64_front(text), bytes);
    }
    EXPECT_EQ(encode_base64("\xfb\xff\xfe"), "+//+");
    EXPECT_EQ(decode_base64_front("+//+"), "\xfb\xff\xfe");
}

TEST(Base64, DecodesToWhatWasEncoded) {
    std::mt19937 random(5);
    for (size_t size = 0; size <= 300; ++size) {
        std::string bytes(size, '\0');
        for (char &c : bytes) {
            c = static_cast<char>(random());
        }
        ASSERT_EQ(decode_base64_front(encode_base64(bytes)), bytes);
    }
}

TEST(Base64, DecodesOnlyAFrontOfLongTexts) {
    std::string bytes;
    for (int i = 0; bytes.size() < 10000; ++i) {
        bytes += std::to_string(i);
    }
    EXPECT_EQ(decode_base64_front(encode_base64(bytes)), bytes.substr(0, 3072));
}

TEST(Base64, DecodesTheWholeGroupsOfATextThatWasCut) {
    EXPECT_EQ(decode_base64_front("Zm9vYmF"), "foo");
    EXPECT_EQ(decode_base64_front("Zm9vYm"), "foo");
    EXPECT_EQ(decode_base64_front("Zm9"), "");
    EXPECT_EQ(decode_base64_front("Z"), "");
}

TEST(Base64, IsEmptyForWhatIsNoBase64) {
    using namespace std::string_view_literals;
    for (const std::string_view text : {"Zm9v!mFy"sv, "Zm9v\0mFy"sv, "Zm\\/v"sv, "Zm9v\xc3\xa9Zm"sv,
                                        "Z=9v"sv, "===="sv, "-_-_"sv, "{\"a\":1}"sv}) {
        EXPECT_EQ(decode_base64_front(text), "") << text;
    }
}

}  // namespace
}  // namespace gateway
