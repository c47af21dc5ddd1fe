// Every byte at every position is classified correctly, however many bytes are checked at a time.
#include "core/json/character_kinds.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool same(const CharacterKinds &a, const CharacterKinds &b) {
    return a.unusual == b.unusual && a.backslash == b.backslash && a.padding == b.padding &&
           a.other == b.other;
}

TEST(CharacterKinds, KnowEveryByteAtEveryPlace) {
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        CharacterKinds expected;
        expected.unusual = byte < 0x20 || byte > 0x7f;
        expected.backslash = c == '\\';
        expected.padding = c == '=';
        expected.other =
            kAlphabet.find(c) == std::string_view::npos && !expected.backslash && !expected.padding;
        for (const size_t length : {1U, 15U, 16U, 17U, 31U, 32U, 33U, 64U, 70U}) {
            for (size_t place = 0; place < length; ++place) {
                std::string text(length, 'A');
                text[place] = c;
                ASSERT_TRUE(same(kinds_of(text), expected)) << byte << " at " << place;
                ASSERT_TRUE(same(kinds_without_avx2(text), expected)) << byte << " at " << place;
            }
        }
    }
}

TEST(CharacterKinds, OfTheAlphabetThereIsNothingToTell) {
    for (size_t from = 0; from < kAlphabet.size(); ++from) {
        EXPECT_TRUE(same(kinds_of(kAlphabet.substr(from)), {})) << from;
        EXPECT_TRUE(same(kinds_without_avx2(kAlphabet.substr(from)), {})) << from;
    }
    EXPECT_TRUE(same(kinds_of(""), {}));
}

TEST(CharacterKinds, OfAllAtOnce) {
    for (const auto kinds : {kinds_of, kinds_without_avx2}) {
        const CharacterKinds all = kinds(std::string(40, 'A') + "\\=\x01.");
        EXPECT_TRUE(all.unusual && all.backslash && all.padding && all.other);
    }
}

}  // namespace
}  // namespace gateway
