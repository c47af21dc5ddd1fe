// The lifter gives the same result for any document in any pieces, and loses nothing.
#include <gtest/gtest.h>

#include <random>

#include "core/json/document.h"
#include "lifting.h"
#include "random_json.h"

namespace gateway {
namespace {

std::vector<size_t> random_cuts(std::mt19937 &random, size_t size) {
    std::vector<size_t> cuts(random() % 12);
    for (size_t &cut : cuts) {
        cut = random() % (size + 1);
    }
    std::sort(cuts.begin(), cuts.end());
    return cuts;
}

// Writes the document that the parser read from the outline.
void rewrite(JsonValue value, std::string &text) {
    const char *comma = "";
    switch (value.kind()) {
        case JsonKind::null: text += "null"; return;
        case JsonKind::boolean: text += *value.boolean() ? "true" : "false"; return;
        case JsonKind::number: text += value.number_text(); return;
        case JsonKind::string: text += escape_json(value.string()); return;
        case JsonKind::lifted: text += "\"" + value.lifted()->content.copy() + "\""; return;
        case JsonKind::array:
            text += "[";
            for (const JsonValue item : value) {
                text += comma;
                rewrite(item, text);
                comma = ",";
            }
            text += "]";
            return;
        case JsonKind::object:
            text += "{";
            for (const JsonValue member : value) {
                text += comma + escape_json(member.key()) + ":";
                rewrite(member, text);
                comma = ",";
            }
            text += "}";
            return;
        case JsonKind::absent: ADD_FAILURE() << "a value is absent";
    }
}

TEST(LifterProperty, ThePiecesMakeNoDifference) {
    for (unsigned seed = 0; seed < 400; ++seed) {
        RandomJson json(seed);
        const std::string text = json.document();
        const Lifter::Limits limits{8 + seed % 60, 1 << 20};
        const std::string whole = description_of(lift(text, limits));
        EXPECT_EQ(description_of(lift_by_bytes(text, limits)), whole) << text;
        for (int i = 0; i < 4; ++i) {
            const auto cuts = random_cuts(json.random(), text.size());
            ASSERT_EQ(description_of(lift_in_pieces(text, cuts, limits)), whole) << text;
        }
    }
}

TEST(LifterProperty, ThePiecesMakeNoDifferenceToWhatIsNoJson) {
    std::mt19937 random(1);
    constexpr std::string_view kBytes = "\"\"\"\\\\\\/{}[],:abc\x01\x7f\xc3\xa9";
    for (int round = 0; round < 2000; ++round) {
        std::string text(random() % 120, ' ');
        std::generate(text.begin(), text.end(), [&] { return kBytes[random() % kBytes.size()]; });
        const Lifter::Limits limits{random() % 10, random() % 200};
        const LiftedText whole = lift(text, limits);
        ASSERT_EQ(whole.raw.copy(), text);
        if (!whole.outline_too_large) {
            ASSERT_EQ(put_together(whole), text);
        }
        const auto cuts = random_cuts(random, text.size());
        ASSERT_EQ(description_of(lift_in_pieces(text, cuts, limits)), description_of(whole));
    }
}

TEST(LifterProperty, TheParsedOutlineWithTheStringsPutBackIsTheDocument) {
    size_t lifted_values = 0;
    for (unsigned seed = 1000; seed < 1400; ++seed) {
        RandomJson json(seed);
        const std::string text = json.document();
        const LiftedText lifted = lift(text, {25 + seed % 50, 1 << 20});  // keys are shorter
        EXPECT_EQ(put_together(lifted), text);
        const auto document =
            JsonDocument::read(lifted.outline, {64, 100000, 1000, false, true}, &lifted.strings);
        ASSERT_TRUE(document) << document.error().message << " in " << lifted.outline;
        std::string again;
        rewrite(document->root(), again);
        ASSERT_EQ(again, text);
        lifted_values += lifted.strings.size();
    }
    EXPECT_GT(lifted_values, 500U);
}

TEST(LifterProperty, WhatIsPlainIsAsciiWithoutControlsOrEscapes) {
    size_t plain = 0;
    for (unsigned seed = 2000; seed < 2400; ++seed) {
        const LiftedText lifted = lift(RandomJson(seed).document(), {8, 1 << 20});
        for (const LiftedString &string : lifted.strings) {
            const std::string content = string.content.copy();
            const bool printable = std::all_of(content.begin(), content.end(), [](char c) {
                return static_cast<signed char>(c) >= 0x20;
            });
            std::string unescaped = content;
            for (size_t at = 0; (at = unescaped.find("\\/")) != std::string::npos;) {
                unescaped.erase(at, 2);
            }
            const bool escapes = unescaped.find('\\') != std::string::npos;
            ASSERT_EQ(string.plain, printable && !escapes) << content;
            plain += string.plain ? 1 : 0;
        }
    }
    EXPECT_GT(plain, 100U);
}

// Strings that begin, end, and have their escapes at the edges of blocks.
TEST(LifterProperty, TheEdgesOfBlocksMakeNoDifference) {
    for (const size_t shift : {3U, 2U, 1U, 0U}) {
        std::string text = "[\"" + std::string(kBlockSize - 4 - shift, 'a') + "\\\"";
        text += std::string(2 * kBlockSize, 'b') + "\",";
        text += std::string(kBlockSize - 1 - text.size() % kBlockSize, ' ');
        text += "\"" + std::string(kBlockSize, 'c') + "\\/\",\"" + std::string(5000, 'd') + "\"]";
        const LiftedText whole = lift(text);
        ASSERT_EQ(whole.strings.size(), 3U);
        EXPECT_FALSE(whole.strings[0].plain);
        EXPECT_TRUE(whole.strings[1].plain);
        EXPECT_TRUE(whole.strings[2].plain);
        EXPECT_EQ(put_together(whole), text);
        EXPECT_EQ(whole.raw.copy(), text);
        for (const size_t cut : {kBlockSize - 2, kBlockSize - 1, kBlockSize, kBlockSize + 1}) {
            for (const size_t times : {1U, 2U, 3U, 4U}) {
                const LiftedText pieces = lift_in_pieces(text, {cut, cut * times}, {});
                EXPECT_TRUE(description_of(pieces) == description_of(whole));
            }
        }
    }
}

}  // namespace
}  // namespace gateway
