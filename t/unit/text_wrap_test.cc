// Text wrapping: only bytes that have a glyph, no line too long, no block too high.
#include "core/images/text_wrap.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gateway {
namespace {

using Lines = std::vector<std::string>;

TEST(TextWrap, DrawsOneBoxForEachCharacterBeyondAscii) {
    EXPECT_EQ(drawable_text("caf\xc3\xa9 \xe6\x97\xa5"), "caf\x7f \x7f");
    EXPECT_EQ(drawable_text("\xf0\x9f\x98\x80!"), "\x7f!");
}

TEST(TextWrap, DrawsABoxForEveryByteThatStartsNoCharacter) {
    EXPECT_EQ(drawable_text("\x80\xff\x01"), "\x7f\x7f\x7f");
    EXPECT_EQ(drawable_text("\xf0\x9f\x98"), "\x7f");
    EXPECT_EQ(drawable_text("\xf0 a"), "\x7f a");
}

TEST(TextWrap, TakesAnyWhiteSpaceForOneSpace) {
    EXPECT_EQ(drawable_text("  a \r\n\t cat\n"), "a cat");
    EXPECT_EQ(drawable_text(" \n\t "), "");
}

TEST(TextWrap, BreaksBetweenWords) {
    WrappedText text = wrap_text("a cat on a mat", 5, 9);
    EXPECT_EQ(text.lines, (Lines{"a cat", "on a", "mat"}));
    EXPECT_TRUE(text.whole);
}

TEST(TextWrap, BreaksInsideAWordLongerThanALine) {
    EXPECT_EQ(wrap_text("abcdefg hi", 3, 9).lines, (Lines{"abc", "def", "g", "hi"}));
}

TEST(TextWrap, EndsInAnEllipsisWhatHasTooManyLines) {
    WrappedText text = wrap_text("one two three four", 7, 2);
    EXPECT_EQ(text.lines, (Lines{"one two", "thre..."}));
    EXPECT_FALSE(text.whole);
    EXPECT_EQ(wrap_text("abcdef", 2, 1).lines, (Lines{".."}));
}

TEST(TextWrap, HasNoLinesForNoTextOrNoRoom) {
    EXPECT_TRUE(wrap_text("", 5, 5).whole);
    EXPECT_EQ(wrap_text("", 5, 5).lines, Lines{});
    EXPECT_FALSE(wrap_text("a", 5, 0).whole);
    EXPECT_EQ(wrap_text("a", 5, -1).lines, Lines{});
    EXPECT_EQ(wrap_text("ab", -5, 9).lines, (Lines{"a", "b"}));
}

TEST(TextWrap, CountsAsManyColumnsAndLinesAsThereIsRoomFor) {
    for (int scale : {1, 2, 7}) {
        int width = text_width(12, scale);
        EXPECT_EQ(columns_in(width, scale), 12);
        EXPECT_EQ(columns_in(width - 1, scale), 11);
        TextBlock block;
        add_lines(block, Lines(5, "line"), 1000, 0, scale, 0);
        EXPECT_EQ(lines_in(block.height, scale), 5);
        EXPECT_EQ(lines_in(block.height - 1, scale), 4);
    }
}

TEST(TextWrap, AddsAsManyLinesToABlockAsThereIsRoomFor) {
    TextBlock block;
    add_lines(block, Lines(9, "line"), 40, 3, 1, 5);
    ASSERT_EQ(block.lines.size(), 3U);
    EXPECT_EQ(block.lines[0].top, 3);
    EXPECT_EQ(block.lines[1].top, 3 + kGlyphRows + kLineGap);
    EXPECT_EQ(block.lines[1].ink, 5);
    EXPECT_LE(block.height, 40);
}

}  // namespace
}  // namespace gateway
