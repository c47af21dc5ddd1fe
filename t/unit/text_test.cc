// Checks of text, compared with a simple implementation of the definition in the Unicode standard
// (table 3-7).
#include "core/json/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>

namespace gateway {
namespace {

// The number that a sequence stands for, -1 if it is cut short; then what no sequence may stand
// for.
size_t reference_character(std::string_view text) {
    const auto byte = [=](size_t at) { return static_cast<uint8_t>(text[at]); };
    if (text.empty()) {
        return 0;
    }
    struct Form {
        uint8_t mask, lead;
        uint32_t min;
    };
    constexpr Form kForms[] = {
        {0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    for (size_t more = 0; more < 4; ++more) {
        const Form &form = kForms[more];
        if ((byte(0) & form.mask) != form.lead) {
            continue;
        }
        uint32_t number = byte(0) & static_cast<uint8_t>(~form.mask);
        for (size_t at = 1; at <= more; ++at) {
            if (at >= text.size() || byte(at) >> 6 != 2) {
                return 0;
            }
            number = number << 6 | (byte(at) & 0x3F);
        }
        const bool surrogate = number >= 0xD800 && number <= 0xDFFF;
        return number < form.min || number > 0x10FFFF || surrogate ? 0 : more + 1;
    }
    return 0;
}

int hex(char c) {
    const size_t at = std::string_view("0123456789abcdefABCDEF").find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at < 16 ? at : at - 6);
}

// The unit of a \u escape at `at`, -1 where there is none.
int reference_unit(std::string_view text, size_t at) {
    if (at + 6 > text.size() || text.substr(at, 2) != "\\u") {
        return -1;
    }
    int unit = 0;
    for (size_t i = at + 2; i < at + 6; ++i) {
        if (hex(text[i]) < 0) {
            return -1;
        }
        unit = unit * 16 + hex(text[i]);
    }
    return unit;
}

std::optional<size_t> reference_bad_text(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
        if (text[at] != '\\') {
            const size_t length = reference_character(text.substr(at));
            if (length == 0) {
                return at;
            }
            at += length;
            continue;
        }
        const int unit = reference_unit(text, at);
        if (unit < 0) {
            at += 2;
        } else if (unit < 0xD800 || unit > 0xDFFF) {
            at += 6;
        } else {
            const int low = reference_unit(text, at + 6);
            if (unit >= 0xDC00 || low < 0xDC00 || low > 0xDFFF) {
                return at;
            }
            at += 12;
        }
    }
    return std::nullopt;
}

TEST(Text, KnowsTheLengthOfEveryCharacter) {
    using namespace std::string_view_literals;
    struct {
        std::string_view text;
        size_t length;
    } const rows[] = {
        {""sv, 0},
        {"a"sv, 1},
        {"\0"sv, 1},
        {"\x7f"sv, 1},
        {"\x80"sv, 0},
        {"\xbf"sv, 0},
        {"\xc0\x80"sv, 0},
        {"\xc1\xbf"sv, 0},
        {"\xc2\x80"sv, 2},
        {"\xdf\xbf rest"sv, 2},
        {"\xdf"sv, 0},
        {"\xdf\xc0"sv, 0},
        {"\xe0\x9f\xbf"sv, 0},
        {"\xe0\xa0\x80"sv, 3},
        {"\xed\x9f\xbf"sv, 3},
        {"\xed\xa0\x80"sv, 0},
        {"\xee\x80\x80"sv, 3},
        {"\xef\xbf\xbf"sv, 3},
        {"\xef\xbf"sv, 0},
        {"\xf0\x8f\xbf\xbf"sv, 0},
        {"\xf0\x90\x80\x80"sv, 4},
        {"\xf4\x8f\xbf\xbf"sv, 4},
        {"\xf4\x90\x80\x80"sv, 0},
        {"\xf5\x80\x80\x80"sv, 0},
        {"\xf8\x88\x80\x80\x80"sv, 0},
        {"\xff"sv, 0},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(utf8_character(row.text), row.length) << testing::PrintToString(row.text);
        EXPECT_EQ(reference_character(row.text), row.length);
    }
}

TEST(Text, AgreesWithTheStandardAboutEveryThreeBytes) {
    for (uint32_t number = 0; number < 1U << 24; number += number < 0xC00000 ? 4093 : 3) {
        const std::string text = {static_cast<char>(number >> 16), static_cast<char>(number >> 8),
                                  static_cast<char>(number)};
        ASSERT_EQ(utf8_character(text), reference_character(text)) << std::hex << number;
    }
}

TEST(Text, AgreesWithTheStandardAboutFourBytes) {
    for (uint32_t number = 0; number < 1U << 24; number += 7) {
        const std::string text = {static_cast<char>(0xF0 | (number & 7)),
                                  static_cast<char>(number >> 16), static_cast<char>(number >> 8),
                                  static_cast<char>(number)};
        ASSERT_EQ(utf8_character(text), reference_character(text)) << std::hex << number;
    }
}

TEST(Text, FindsTheFirstBadByteWhereverItIs) {
    for (const std::string_view bad : {"\x80", "\xc3", "\xed\xa0\x80", R"(\ud800)", R"(\udc00)"}) {
        for (size_t before = 0; before < 40; ++before) {
            for (const size_t after : {0U, 1U, 20U}) {
                const std::string text =
                    std::string(before, 'x') + std::string(bad) + std::string(after, 'y');
                EXPECT_EQ(find_bad_text(text), before);
            }
        }
    }
}

TEST(Text, FindsNothingBadInGoodText) {
    EXPECT_EQ(find_bad_text(""), std::nullopt);
    for (const std::string_view good : {"x", "\xc3\xa9", "\xf0\x9f\x98\x80", R"(\n)", R"(\\ud800)",
                                        R"(\ud83d\ude00)", R"(\u)", R"(\u12)", R"(\ug000)", "\\"}) {
        for (size_t before = 0; before < 40; ++before) {
            EXPECT_EQ(find_bad_text(std::string(before, 'x') + std::string(good)), std::nullopt);
        }
    }
}

TEST(Text, AgreesWithTheReferenceAboutRandomBytes) {
    std::mt19937 random(7);
    using namespace std::string_view_literals;
    constexpr std::string_view kPieces[] = {"\\"sv,       "\\u"sv,          "\\ud83d"sv,
                                            "\\ude00"sv,  "\\uDBFF"sv,      "\\uDFFF"sv,
                                            "\xc3\xa9"sv, "\xe6\x97\xa5"sv, "\xf0\x9f\x98\x80"sv,
                                            "0123"sv,     "abcdefgh"sv,     "\\\\"sv};
    size_t bad = 0;
    for (int round = 0; round < 200000; ++round) {
        std::string text;
        for (size_t left = random() % 12; left > 0; --left) {
            text += kPieces[random() % std::size(kPieces)];
        }
        if (random() % 3 == 0 && !text.empty()) {
            text[random() % text.size()] = static_cast<char>(random());
        }
        const auto expected = reference_bad_text(text);
        ASSERT_EQ(find_bad_text(text), expected) << testing::PrintToString(text);
        bad += expected ? 1 : 0;
    }
    EXPECT_GT(bad, 50000U);
    EXPECT_LT(bad, 190000U);
}

TEST(Text, CountsCharactersAsCodePoints) {
    EXPECT_EQ(count_characters(""), 0U);
    EXPECT_EQ(count_characters("abc"), 3U);
    EXPECT_EQ(count_characters("\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80"), 3U);
    EXPECT_EQ(count_characters("e\xcc\x81"), 2U);
    EXPECT_EQ(count_characters(std::string_view("\0\0", 2)), 2U);
}

TEST(Text, HoldsSpacesAndControlsForInvisible) {
    EXPECT_TRUE(is_visible_ascii(""));
    EXPECT_TRUE(is_visible_ascii("!azAZ09~"));
    for (const char c : {' ', '\t', '\n', '\0', '\x1f', '\x7f', '\x80', '\xff'}) {
        EXPECT_FALSE(is_visible_ascii(std::string("a") + c));
    }
}

TEST(Text, FindsTheFirstCharacterThatAStringDoesNotHoldAsItIs) {
    std::mt19937 random(3);
    for (size_t size = 0; size < 70; ++size) {
        const std::string plain(size, 'x');
        EXPECT_EQ(plain_front(plain), size);
        for (size_t at = 0; at < size; ++at) {
            for (const char c : {'"', '\\', '\x1f', '\0', '\x80', '\xff'}) {
                std::string text = plain;
                text[at] = c;
                EXPECT_EQ(plain_front(text), at) << size;
                text[at + random() % (size - at)] = '"';
                EXPECT_EQ(plain_front(text), std::min(at, text.find('"'))) << size;
            }
            std::string text = plain;
            for (const char c : {' ', '\x7f', '!', '#', '[', ']', '~'}) {
                text[at] = c;
                EXPECT_EQ(plain_front(text), size);
            }
        }
    }
}

}  // namespace
}  // namespace gateway
