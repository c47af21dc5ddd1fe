// The quick reader accepts ordinary JSON, with the values that yajl finds; all else it leaves to
// yajl.
#include "core/json/quick_reader.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "core/json/builder.h"
#include "lifting.h"
#include "random_json.h"

namespace gateway {
namespace {

bool is_quick(std::string_view text, const JsonLimits &limits = kProvidersJson) {
    JsonDocument document;
    JsonBuilder builder(text, limits, document);
    return read_quickly(text, builder);
}

void describe(JsonValue value, std::string &text) {
    text += std::to_string(static_cast<int>(value.kind())) + "(" + std::string(value.key()) + "|" +
            std::string(value.string()) + std::string(value.number_text()) +
            (value.boolean().value_or(false) ? "t" : "") +
            (value.lifted() == nullptr ? "" : value.lifted()->content.copy()) + "|" +
            std::to_string(value.size());
    for (const JsonValue child : value) {
        describe(child, text);
    }
    text += ")";
}

std::string description_of(const tl::expected<JsonDocument, JsonError> &document) {
    if (!document) {
        return document.error().message + " at " + std::to_string(document.error().offset) + " " +
               document.error().key;
    }
    std::string text;
    describe(document->root(), text);
    return text;
}

TEST(QuickReader, AcceptsOrdinaryDocuments) {
    for (const std::string_view text :
         {R"({"a":[1,-2.5e+3,true,false,null,"x\n\"y\"\\"],"b":{},"c":[],"":{"d":[[],[{}]]}})",
          " [ 1 , { \"a\" : \"\" } ]\r\n\t ", "\"caf\xc3\xa9\"", "0", "-0", "0.5", "1e9", "{}",
          "[]", "true"}) {
        EXPECT_TRUE(is_quick(text)) << text;
    }
}

TEST(QuickReader, LeavesMistakesAndRareThingsToYajl) {
    for (const std::string_view text :
         {"",        " ",      "[1,]",  "[,1]",      "{\"a\"}",   "{\"a\":}", "{\"a\":1,}",
          "{1:2}",   "[1 2]",  "01",    "-",         "1.",        ".5",       "1e",
          "+1",      "tru",    "nulll", "[1}",       "{]",        "[",        "{",
          "\"",      "\"\\\"", "[]]",   "1 2",       "'a'",       "\"\n\"",   "\"\\u0041\"",
          "\"\\x\"", "/**/1",  "NaN",   "[\"a\":1]", "{\"a\",1}", "\x0b1"}) {
        EXPECT_FALSE(is_quick(text)) << text;
    }
    EXPECT_TRUE(is_quick(std::string(64, '[') + std::string(64, ']')));
    EXPECT_FALSE(is_quick(std::string(65, '[') + std::string(65, ']'), {1000, 1000, 1000}));
}

TEST(QuickReader, FindsWhatYajlFindsInAnyDocument) {
    std::mt19937 random(5);
    constexpr std::string_view kOthers = "{}[],:\"\\ 0e.-tn\n\x01\xc3\xff";
    size_t quick = 0;
    for (unsigned seed = 0; seed < 3000; ++seed) {
        std::string text = RandomJson(seed).document();
        for (size_t changes = random() % 3; changes > 0 && !text.empty(); --changes) {
            const size_t at = random() % text.size();
            const char other = kOthers[random() % kOthers.size()];
            switch (random() % 3) {
                case 0: text[at] = other; break;
                case 1: text.insert(at, 1, other); break;
                default: text.erase(at, 1); break;
            }
        }
        quick += is_quick(text) ? 1 : 0;
        for (const JsonLimits &limits : {kProvidersJson, kCallersJson, JsonLimits{3, 20, 4}}) {
            EXPECT_EQ(description_of(JsonDocument::read(text, limits)),
                      description_of(JsonDocument::read_by_yajl(text, limits)))
                << text;
        }
        const LiftedText lifted = lift(text, {8 + seed % 60, 1 << 20});
        EXPECT_EQ(
            description_of(JsonDocument::read(lifted.outline, kProvidersJson, &lifted.strings)),
            description_of(
                JsonDocument::read_by_yajl(lifted.outline, kProvidersJson, &lifted.strings)))
            << text;
    }
    EXPECT_GT(quick, 500U);
}

}  // namespace
}  // namespace gateway
