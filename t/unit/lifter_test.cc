// The lifter: it cuts out long strings and keeps everything else unchanged.
#include "core/json/lifter.h"

#include <gtest/gtest.h>

#include "lifting.h"

namespace gateway {
namespace {

constexpr Lifter::Limits kSmall{8, 1024};

std::string in_quotes(std::string_view content) {
    return "\"" + std::string(content) + "\"";
}

// The string that was lifted out of {"a": "<content>"}, for any way of feeding the text.
LiftedString lift_one(std::string_view content) {
    const std::string text = "{\"a\":" + in_quotes(content) + ",\"b\":1}";
    LiftedText lifted = lift(text, kSmall);
    EXPECT_EQ(description_of(lifted), description_of(lift_by_bytes(text, kSmall)));
    EXPECT_EQ(lifted.outline, "{\"a\":\"\",\"b\":1}") << content;
    if (lifted.strings.size() != 1) {
        ADD_FAILURE() << lifted.strings.size() << " strings in " << text;
        return {};
    }
    EXPECT_EQ(lifted.strings[0].content.copy(), content);
    return lifted.strings[0];
}

TEST(Lifter, CutsOutALongStringAndKeepsItsPlace) {
    const LiftedText lifted = lift("{\"a\":\"0123456789\",\"b\":\"short\"}", kSmall);
    EXPECT_EQ(lifted.outline, "{\"a\":\"\",\"b\":\"short\"}");
    ASSERT_EQ(lifted.strings.size(), 1U);
    EXPECT_EQ(lifted.strings[0].position, 6U);
    EXPECT_EQ(lifted.strings[0].content.copy(), "0123456789");
    EXPECT_TRUE(lifted.strings[0].plain);
    EXPECT_FALSE(lifted.outline_too_large);
}

TEST(Lifter, CutsOutOnlyWhatIsLongerThanTheThreshold) {
    for (const size_t length : {0U, 7U, 8U, 9U}) {
        const std::string text = in_quotes(std::string(length, 'x'));
        const LiftedText lifted = lift(text, kSmall);
        EXPECT_EQ(lifted.strings.size(), length > 8 ? 1U : 0U);
        EXPECT_EQ(lifted.outline, length > 8 ? in_quotes("") : text);
    }
}

TEST(Lifter, KnowsAnEscapedQuoteFromTheEndOfAString) {
    for (const std::string_view content : {
             R"(\"23456789)",
             R"(0123456789\")",
             R"(01234\"6789)",
             R"(\"\"\"\"\"\")",
             R"(01234567\\)",
             R"(01234567\\\\)",
             R"(01234567\\\")",
             R"(01234567\\\"\\)",
             R"(\\\\\\\\\\\\\\)",
             R"(\\\\\\\\\\\\\\\")",
         }) {
        EXPECT_FALSE(lift_one(content).plain) << content;
    }
}

TEST(Lifter, CountsARunOfBackslashesAcrossPieces) {
    for (size_t backslashes = 0; backslashes <= 7; ++backslashes) {
        std::string text = "[\"012345678" + std::string(backslashes, '\\');
        text += backslashes % 2 == 0 ? "\",1]" : "\"89\",1]";
        const std::string whole = description_of(lift(text, kSmall));
        EXPECT_EQ(lift(text, kSmall).outline, "[\"\",1]");
        for (size_t cut = 0; cut <= text.size(); ++cut) {
            for (size_t next = cut; next <= text.size(); ++next) {
                EXPECT_EQ(description_of(lift_in_pieces(text, {cut, cut, next}, kSmall)), whole);
            }
        }
    }
}

TEST(Lifter, KnowsWhatMayStandInOurJsonAsItIs) {
    struct {
        std::string_view content;
        bool plain;
    } const rows[] = {
        {"iVBORw0KGgo+/=", true},
        {"has spaces, <tags> & 'quotes'", true},
        {"~~~~~~~~~~~~~~", true},
        {R"(iVBOR\/w0KGgo)", true},
        {R"(\/\/\/\/\/\/\/)", true},
        {R"(0123456\\/89)", false},
        {R"(01234\u0041567)", false},
        {R"(0123456789\n)", false},
        {R"(0123456789\")", false},
        {"0123456789\x01", false},
        {"\x1f"
         "0123456789",
         false},
        {"01234\n56789", false},
        {"0123456789\x7f", true},  // JSON takes DEL as it is
        {"0123456789\xc3\xa9", false},
        {"\xff"
         "0123456789",
         false},
        {"0123456789\x80", false},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(lift_one(row.content).plain, row.plain) << row.content;
        // The same far from any edge of what is looked at in one go.
        std::string padded(100, 'p');
        padded.append(row.content).append(100, 'p');
        EXPECT_EQ(lift_one(padded).plain, row.plain) << row.content;
    }
}

TEST(Lifter, ForgetsWhatWasUnusualAboutTheStringBefore) {
    const LiftedText lifted = lift(R"(["\u0041\u0041","0123456789","\"","0123456789"])", kSmall);
    ASSERT_EQ(lifted.strings.size(), 3U);
    EXPECT_FALSE(lifted.strings[0].plain);
    EXPECT_TRUE(lifted.strings[1].plain);
    EXPECT_TRUE(lifted.strings[2].plain);
}

TEST(Lifter, CutsOutKeysAsWell) {
    const LiftedText lifted = lift("{\"a long key indeed\":{\"b\":\"a long value\"}}", kSmall);
    EXPECT_EQ(lifted.outline, "{\"\":{\"b\":\"\"}}");
    ASSERT_EQ(lifted.strings.size(), 2U);
    EXPECT_EQ(lifted.strings[0].position, 2U);
    EXPECT_EQ(lifted.strings[1].position, 10U);
}

TEST(Lifter, CutsOutManyStrings) {
    std::string text = "[";
    std::string outline = "[";
    for (int i = 0; i < 300; ++i) {
        text += (i == 0 ? "" : ",") + in_quotes("long string " + std::to_string(i));
        outline += i == 0 ? "\"\"" : ",\"\"";
    }
    const LiftedText lifted = lift(text + "]", kSmall);
    EXPECT_EQ(lifted.outline, outline + "]");
    ASSERT_EQ(lifted.strings.size(), 300U);
    EXPECT_EQ(lifted.strings[299].content.copy(), "long string 299");
    EXPECT_EQ(put_together(lifted), text + "]");
}

TEST(Lifter, CountsWhatItWasFed) {
    Lifter lifter(BlockPool::create(1));
    EXPECT_EQ(lifter.size(), 0U);
    lifter.feed("{}");
    lifter.feed("");
    lifter.feed("\n");
    EXPECT_EQ(lifter.size(), 3U);
    const LiftedText lifted = std::move(lifter).finish();
    EXPECT_EQ(lifted.outline, "{}\n");
    EXPECT_EQ(lifted.raw.copy(), "{}\n");
}

TEST(Lifter, LeavesAnUnfinishedStringInTheOutline) {
    for (const std::string_view text :
         {"{\"a\":\"0123456789", "{\"a\":\"0123456789\\", "{\"a\":\"0123456789\\\"", "\""}) {
        const LiftedText lifted = lift(text, kSmall);
        EXPECT_TRUE(lifted.strings.empty());
        EXPECT_EQ(lifted.outline, text);
        EXPECT_FALSE(lifted.outline_too_large);
    }
}

TEST(Lifter, TakesWhatIsNoJsonAsItComes) {
    const std::string html = "<html><a href=\"https://example.com/\">it's 6\" \\\" long</a></html>";
    const LiftedText lifted = lift(html, kSmall);
    EXPECT_EQ(put_together(lifted), html);
    EXPECT_EQ(lifted.raw.copy(), html);
    const std::string zeros(100, '\0');
    EXPECT_EQ(lift(zeros, kSmall).outline, zeros);
    EXPECT_EQ(lift("", kSmall).outline, "");
}

TEST(Lifter, SaysWhenTheOutlineIsTooLargeAndKeepsTheRaw) {
    struct {
        std::string text;
        bool too_large;
    } const rows[] = {
        {std::string(16, 'x'), false},
        {std::string(17, 'x'), true},
        {in_quotes(std::string(1000, 'x')), false},
        {"[" + in_quotes(std::string(1000, 'x')) + ",12345678901]", false},  // 16 without it
        {"[" + in_quotes(std::string(1000, 'x')) + ",123456789012]", true},
        {"[12345678901234567," + in_quotes(std::string(1000, 'x')) + "]", true},
        {"\"" + std::string(1000, 'x'), true},
    };
    for (const auto &row : rows) {
        const LiftedText lifted = lift(row.text, {8, 16});
        EXPECT_EQ(lifted.outline_too_large, row.too_large) << row.text;
        EXPECT_LE(lifted.outline.size(), 16U);
        EXPECT_EQ(lifted.raw.copy(), row.text);
    }
}

// ---- a string that is passed through before its end

class PassingTest : public testing::Test {
 protected:
    std::optional<std::string> pass(std::string_view text, size_t size) {
        return hand_on(lifter, text, size).text;
    }

    std::shared_ptr<BlockPool> pool = BlockPool::create(100);
    Lifter lifter{pool, kSmall};
};

TEST_F(PassingTest, AllOfTheFirstLongStringIsHandedOnAndItsBeginningKept) {
    const std::string image(300'000, 'p');
    const std::string other(20, 'o');
    const auto passed =
        pass("{\"a\":\"short\",\"b\":\"" + image + "\",\"c\":\"" + other + "\",\"d\":1}", 1000);
    ASSERT_TRUE(passed);
    EXPECT_EQ(*passed, image);
    EXPECT_LE(pool->lent(), 2U) << "the block of its beginning, and the last one";
    const LiftedText lifted = std::move(lifter).finish();
    EXPECT_EQ(lifted.outline, "{\"a\":\"short\",\"b\":\"\",\"c\":\"\",\"d\":1}");
    ASSERT_EQ(lifted.strings.size(), 2U);
    EXPECT_EQ(lifted.strings[0].content.copy(), image.substr(0, lifted.strings[0].content.size()));
    EXPECT_GT(lifted.strings[0].content.size(), 8U);
    EXPECT_TRUE(lifted.strings[0].plain);
    EXPECT_EQ(lifted.strings[1].content.copy(), other);
    EXPECT_TRUE(lifted.raw.empty());
}

TEST_F(PassingTest, HoweverItIsFedItIsTheSame) {
    const std::string image = std::string(40, 'p') + R"(\/)" + std::string(30, 'q') + R"(\/\/)";
    for (size_t size = 1; size < 120; ++size) {
        Lifter fresh(pool, kSmall);
        std::swap(lifter, fresh);
        const auto passed = pass("{\"b\":\"" + image + "\",\"c\":\"\\u00e4\"}", size);
        ASSERT_TRUE(passed) << size;
        // Fed at once it is over before it could be handed on.
        EXPECT_TRUE(*passed == image || passed->empty()) << size;
        EXPECT_EQ(std::move(lifter).finish().strings.size(), 1U) << size;
    }
}

TEST_F(PassingTest, WhatMayNotStandInJsonIsNotHandedOn) {
    for (const char *wrong : {R"(\n)", R"(\\)", R"(\")", "\x01", "\xc3\xa4", "\x7f\x80"}) {
        for (const size_t size : {1U, 7U}) {
            Lifter fresh(pool, kSmall);
            std::swap(lifter, fresh);
            EXPECT_FALSE(pass("{\"b\":\"" + std::string(40, 'p') + wrong + "pppppppp\"}", size))
                << wrong << " in pieces of " << size;
        }
    }
}

TEST_F(PassingTest, AStringThatBreaksOffIsNone) {
    ASSERT_TRUE(pass("{\"b\":\"" + std::string(200'000, 'p'), 1000));
    const LiftedText lifted = std::move(lifter).finish();
    EXPECT_TRUE(lifted.strings.empty());
    EXPECT_EQ(lifted.outline, "{\"b\":\"");
}

TEST_F(PassingTest, ASecondLongStringIsNotHandedOn) {
    lifter.feed("{\"a\":\"" + std::string(20, 'p') + "\",\"b\":\"" + std::string(20, 'q'));
    EXPECT_TRUE(lifter.open_string().empty());
}

}  // namespace
}  // namespace gateway
