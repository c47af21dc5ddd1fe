// The font: a glyph for every byte, and different glyphs for different letters.
#include "core/images/font.h"

#include <gtest/gtest.h>

#include <set>

namespace gateway {
namespace {

TEST(Font, HasADistinctGlyphForEveryPrintableCharacter) {
    std::set<Glyph> seen;
    for (char character = ' '; character <= '~'; ++character) {
        EXPECT_TRUE(seen.insert(glyph(character)).second) << character;
        for (uint8_t row : glyph(character)) {
            EXPECT_LT(row, 1U << kGlyphColumns);
        }
    }
    EXPECT_EQ(glyph(' '), Glyph{});
}

TEST(Font, HasABoxForAllOtherCharacters) {
    for (int byte = -128; byte < 128; ++byte) {
        if (byte < ' ' || byte > '~') {
            EXPECT_EQ(glyph(static_cast<char>(byte)), glyph(kBoxGlyph));
        }
    }
}

}  // namespace
}  // namespace gateway
