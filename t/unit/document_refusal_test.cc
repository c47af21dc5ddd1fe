// What the JSON reader refuses, and the position that it reports.
#include <gtest/gtest.h>

#include "core/json/document.h"
#include "lifting.h"

namespace gateway {
namespace {

using Read = tl::expected<JsonDocument, JsonError>;

Read read(std::string_view text) {
    return JsonDocument::read(text, kCallersJson);
}

Read read_loosely(std::string_view text) {
    return JsonDocument::read(text, kProvidersJson);
}

TEST(DocumentRefusal, IsOfWhatIsNoJson) {
    using namespace std::string_view_literals;
    for (const std::string_view text : {
             ""sv,
             " "sv,
             "{"sv,
             "}"sv,
             "[1,]"sv,
             "[1 2]"sv,
             "{\"a\"}"sv,
             "{\"a\":}"sv,
             "{a:1}"sv,
             "{'a':1}"sv,
             "{\"a\":1,}"sv,
             "01"sv,
             "+1"sv,
             ".5"sv,
             "1."sv,
             "1e"sv,
             "0x10"sv,
             "NaN"sv,
             "Infinity"sv,
             "nul"sv,
             "True"sv,
             "\"abc"sv,
             "\"\\\""sv,
             "\"\\x41\""sv,
             "\"\\u12g4\""sv,
             "\"\\u004\""sv,
             "\"a\nb\""sv,
             "\"a\tb\""sv,
             "\"a\0b\""sv,
             "1\0"sv,
             "[1]]"sv,
             "{}{}"sv,
             "1 2"sv,
             "{} x"sv,
             "[1],"sv,
             "/* */ 1"sv,
             "1 // one"sv,
             "[1,/**/2]"sv,
             "# no\n1"sv,
             "\xef\xbb\xbf{}"sv,
             "-"sv,
             "[\"a\" \"b\"]"sv,
             "{1:2}"sv,
             "\\u0031"sv,
         }) {
        for (const Read &document : {read(text), read_loosely(text)}) {
            ASSERT_FALSE(document) << text;
            EXPECT_FALSE(document.error().message.empty()) << text;
            EXPECT_LE(document.error().offset, text.size()) << text;
            EXPECT_EQ(document.error().message.find('\n'), std::string::npos) << text;
        }
    }
}

TEST(DocumentRefusal, IsOfKeysThatAppearTwice) {
    for (const std::string_view text :
         {R"({"a":1,"a":2})", R"({"a":1,"\u0061":2})", R"({"\u0061":1,"a":2})",
          R"({"a":{"x":[1,{"y":2}]},"b":1,"a":2})", R"({"":1,"":2})", R"([{"k":{"b":1,"b":1}}])",
          R"({"a\/b":1,"a/b":2})"}) {
        const Read document = read(text);
        ASSERT_FALSE(document) << text;
        EXPECT_NE(document.error().message.find("twice"), std::string::npos);
        EXPECT_TRUE(read_loosely(text)) << text;
    }
    EXPECT_TRUE(read(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}],"A":1})"));
    EXPECT_EQ(read_loosely(R"({"a":1,"a":2})")->root()["a"].integer(), 1);
}

TEST(DocumentRefusal, IsOfBytesThatAreNoText) {
    struct {
        std::string_view bad;
        size_t offset;  // within it
    } const rows[] = {
        {"\x80", 0},
        {"\xff", 0},
        {"\xc0\x80", 0},  // overlong NUL
        {"\xc1\xbf", 0},
        {"\xe0\x80\xaf", 0},      // overlong
        {"\xf0\x80\x80\xaf", 0},  // overlong
        {"\xed\xa0\x80", 0},      // a surrogate
        {"\xed\xbf\xbf", 0},
        {"\xf4\x90\x80\x80", 0},  // beyond U+10FFFF
        {"\xf5\x80\x80\x80", 0},
        {"\xc3", 0},  // cut short
        {"\xe6\x97", 0},
        {"\xf0\x9f\x98", 0},
        {"ok\xc3\xa9\x80", 4},
        {R"(\ud800)", 0},  // lone surrogates, escaped
        {R"(\udc00)", 0},
        {R"(x\uDBFFx)", 1},
        {R"(\ud83d\ud83d\ude00)", 0},
        {R"(\ud83d\u0041)", 0},
        {R"(\ud83d\\ude00)", 0},
        {R"(\ud83d\ude00\ude00)", 12},
        {R"(\\\udfff)", 2},
    };
    for (const auto &row : rows) {
        for (const std::string front : {"[\"", "{\"", "{\"0123456789\":\""}) {
            const std::string text = front + std::string(row.bad) + "\"]";
            const Read document = read(text);
            ASSERT_FALSE(document) << text;
            EXPECT_EQ(document.error().offset, front.size() + row.offset) << text;
            EXPECT_EQ(document.error().message.starts_with("not valid UTF-8"),
                      row.bad[row.offset] != '\\')
                << text;
        }
    }
}

TEST(DocumentRefusal, IsOfMoreEscapesThanAllowed) {
    JsonLimits limits;
    limits.escapes = 3;
    EXPECT_TRUE(JsonDocument::read(R"(["\n\u00e9","\\"])", limits));
    EXPECT_TRUE(JsonDocument::read(R"(["\n\ud83d\ude00","\\"])", limits)) << "a pair is one";
    const auto refused = JsonDocument::read(R"(["\n\u00e9","\\x\t"])", limits);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().offset, 16U);
    std::string longest = "\"";
    for (int i = 0; i < 32'000; ++i) {
        longest += "\\ud83d\\ude00";
    }
    EXPECT_TRUE(JsonDocument::read(longest + "\"", kCallersJson)) << "any model's longest prompt";
}

TEST(DocumentRefusal, IsNotOfTextAtItsLimits) {
    for (const std::string_view text :
         {"\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
          "\"\xed\x9f\xbf\xee\x80\x80\"", R"("\ud7ff\ue000\ud800\udc00\uDBFF\uDFFF\uffff")",
          R"("\\ud800")", R"("\\\\udc00")"}) {
        EXPECT_TRUE(read(text)) << text;
    }
}

TEST(DocumentRefusal, SaysWhereTheMistakeIs) {
    struct {
        std::string_view text;
        size_t min;
        size_t max;
    } const rows[] = {
        {R"({"prompt": "a cat", "n": nope})", 25, 28},
        {R"({"prompt": "a cat" "n": 1})", 18, 21},
        {R"({"prompt": "a cat", "prompt": 1})", 20, 28},
        {R"({"prompt": "a cat"} x)", 19, 21},
        {R"({"prompt": "a cat",)", 18, 19},  // ends too early
        {R"({"prompt": "a cat)", 11, 17},
        {R"({"prompt": )", 10, 11},
    };
    for (const auto &row : rows) {
        const Read document = read(row.text);
        ASSERT_FALSE(document);
        EXPECT_GE(document.error().offset, row.min) << row.text;
        EXPECT_LE(document.error().offset, row.max) << row.text;
    }
    const std::string deep = "{\"a\":1,\"b\":" + std::string(40, '[');
    const Read document = read(deep);
    ASSERT_FALSE(document);
    EXPECT_EQ(document.error().message, "nested too deeply");
    EXPECT_NEAR(static_cast<double>(document.error().offset), 11 + 32, 1);
}

TEST(DocumentLifted, KnowsACutStringByItsPlace) {
    const std::string image(5000, 'x');
    const std::string text = "{\"e\":\"\",\"a\":[\"" + image + "\",\"\",\"short\"],\"\":\"" +
                             image + image + "\",\"z\":\"\"}";
    const LiftedText lifted = lift(text);
    ASSERT_EQ(lifted.strings.size(), 2U);
    const Read document = JsonDocument::read(lifted.outline, kProvidersJson, &lifted.strings);
    ASSERT_TRUE(document);
    const JsonValue root = document->root();
    EXPECT_EQ(root["e"].kind(), JsonKind::string);
    EXPECT_EQ(root["a"].at(0).kind(), JsonKind::lifted);
    EXPECT_EQ(root["a"].at(0).string(), "");
    EXPECT_EQ(root["a"].at(0).lifted()->content.size(), 5000U);
    EXPECT_EQ(root["a"].at(1).kind(), JsonKind::string);
    EXPECT_EQ(root["a"].at(1).lifted(), nullptr);
    EXPECT_EQ(root["a"].at(2).string(), "short");
    EXPECT_EQ(root[""].lifted()->content.size(), 10000U);
    EXPECT_EQ(root["z"].lifted(), nullptr);
}

TEST(DocumentLifted, TakesNoEmptyStringForAnotherOnesPlace) {
    const std::string key(5000, 'k');
    const LiftedText lifted = lift("{\"" + key + "\":\"\",\"" + key + "\":\"" + key + "\"}");
    ASSERT_EQ(lifted.strings.size(), 3U);
    const Read document = JsonDocument::read(lifted.outline, kProvidersJson, &lifted.strings);
    ASSERT_TRUE(document);
    ASSERT_EQ(document->root().size(), 2U);
    JsonValue::Iterator member = document->root().begin();
    EXPECT_EQ((*member).kind(), JsonKind::string);
    ++member;
    EXPECT_EQ((*member).kind(), JsonKind::lifted);
    EXPECT_EQ((*member).lifted(), &lifted.strings[2]);
}

TEST(DocumentLifted, IsTheWholeTextToo) {
    const LiftedText lifted = lift("\"" + std::string(5000, 'x') + "\"");
    const Read document = JsonDocument::read(lifted.outline, kProvidersJson, &lifted.strings);
    ASSERT_TRUE(document);
    EXPECT_EQ(document->root().lifted(), &lifted.strings[0]);
}

}  // namespace
}  // namespace gateway
