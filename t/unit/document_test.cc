// The JSON reader: every value has its kind, and ambiguous documents are refused.
#include "core/json/document.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lifting.h"

namespace gateway {
namespace {

using Read = tl::expected<JsonDocument, JsonError>;

constexpr JsonLimits kWide{64, 1000000, 10000, true, true};

Read read(std::string_view text) {
    return JsonDocument::read(text, kCallersJson);
}

JsonKind kind_of(std::string_view text) {
    const Read document = read(text);
    return document ? document->root().kind() : JsonKind::absent;
}

TEST(Document, KnowsEveryKind) {
    EXPECT_EQ(kind_of("null"), JsonKind::null);
    EXPECT_EQ(kind_of("true"), JsonKind::boolean);
    EXPECT_EQ(kind_of("-1.5e3"), JsonKind::number);
    EXPECT_EQ(kind_of("\"\""), JsonKind::string);
    EXPECT_EQ(kind_of("{}"), JsonKind::object);
    EXPECT_EQ(kind_of(" [ ] "), JsonKind::array);
}

TEST(Document, NamesEveryKindForPeople) {
    EXPECT_EQ(name_of(JsonKind::absent), "nothing");
    EXPECT_EQ(name_of(JsonKind::null), "null");
    EXPECT_EQ(name_of(JsonKind::boolean), "a boolean");
    EXPECT_EQ(name_of(JsonKind::number), "a number");
    EXPECT_EQ(name_of(JsonKind::string), "a string");
    EXPECT_EQ(name_of(JsonKind::lifted), "a very long string");
    EXPECT_EQ(name_of(JsonKind::object), "an object");
    EXPECT_EQ(name_of(JsonKind::array), "an array");
}

TEST(Document, FindsMembersAndItems) {
    const Read document = read(R"({"a":{"b":[1,{"c":"x"},[]]},"":2,"t":true,"f":false})");
    ASSERT_TRUE(document);
    const JsonValue root = document->root();
    EXPECT_EQ(root.size(), 4U);
    EXPECT_EQ(root["a"]["b"].size(), 3U);
    EXPECT_EQ(root["a"]["b"].at(1)["c"].string(), "x");
    EXPECT_EQ(root["a"]["b"].at(1)["c"].key(), "c");
    EXPECT_EQ(root[""].integer(), 2);
    EXPECT_EQ(root["t"].boolean(), true);
    EXPECT_EQ(root["f"].boolean(), false);
    EXPECT_EQ(root["a"]["b"].at(2).kind(), JsonKind::array);
}

TEST(Document, FindsNothingInWhatIsNotThere) {
    const Read document = read(R"({"s":"x","n":1,"z":null,"a":[1]})");
    const JsonValue root = document->root();
    for (const JsonValue nothing : {root["b"], root["s"]["x"], root["a"].at(1), root["a"]["0"],
                                    root.at(0), root["b"]["c"].at(7)["d"], JsonValue()}) {
        EXPECT_FALSE(nothing);
        EXPECT_EQ(nothing.kind(), JsonKind::absent);
        EXPECT_EQ(nothing.string(), "");
        EXPECT_EQ(nothing.key(), "");
        EXPECT_EQ(nothing.number_text(), "");
        EXPECT_FALSE(nothing.boolean() || nothing.number() || nothing.integer());
        EXPECT_EQ(nothing.lifted(), nullptr);
        EXPECT_EQ(nothing.size(), 0U);
        EXPECT_FALSE(nothing.begin() != nothing.end());
    }
    EXPECT_TRUE(root["z"]);
}

TEST(Document, GivesNoValueOfAnotherKind) {
    const Read document = read(R"({"s":"1","n":1,"t":true})");
    const JsonValue root = document->root();
    EXPECT_FALSE(root["s"].integer() || root["s"].number() || root["s"].boolean());
    EXPECT_EQ(root["n"].string(), "");
    EXPECT_FALSE(root["n"].boolean());
    EXPECT_FALSE(root["t"].integer());
    EXPECT_FALSE(root["s"].begin() != root["s"].end());
}

TEST(Document, VisitsMembersAndItemsInOrder) {
    const Read document = read(R"({"a":[1,[2,3],{"x":4}],"b":{"c":{}},"d":5})");
    std::string keys;
    for (const JsonValue member : document->root()) {
        keys += std::string(member.key()) + " ";
    }
    EXPECT_EQ(keys, "a b d ");
    std::string kinds;
    for (const JsonValue item : document->root()["a"]) {
        kinds += std::string(name_of(item.kind())) + std::string(item.key()) + ", ";
    }
    EXPECT_EQ(kinds, "a number, an array, an object, ");
}

TEST(Document, KnowsIntegersHoweverTheyAreWritten) {
    struct {
        std::string_view text;
        std::optional<int64_t> integer;
    } const rows[] = {
        {"0", 0},
        {"-0", 0},
        {"-0.0", 0},
        {"1", 1},
        {"1.0", 1},
        {"1e0", 1},
        {"1.5e1", 15},
        {"10e-1", 1},
        {"-7", -7},
        {"1.5", {}},
        {"1e-1", {}},
        {"9007199254740991.0", 9007199254740991},
        {"9007199254740993", 9007199254740993},
        {"9007199254740993.0", {}},  // no double says which it was
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"9223372036854775808", {}},
        {"18446744073709551616", {}},
        {"1e18", {}},
        {"1e400", {}},
        {"-1e400", {}},
        {"1e-400", {}},
    };
    for (const auto &row : rows) {
        const Read document = read(row.text);
        ASSERT_TRUE(document) << row.text;
        EXPECT_EQ(document->root().integer(), row.integer) << row.text;
        EXPECT_EQ(document->root().number_text(), row.text);
    }
}

TEST(Document, KnowsNumbers) {
    struct {
        std::string_view text;
        std::optional<double> number;
    } const rows[] = {
        {"0", 0.0},       {"1.5", 1.5},  {"-2.5e-3", -0.0025}, {"9007199254740993", 0x1p53},
        {"1e308", 1e308}, {"1e400", {}}, {"-1e400", {}},       {"18446744073709551616", 0x1p64},
        {"1E+2", 100.0},
    };
    for (const auto &row : rows) {
        const Read document = read(row.text);
        ASSERT_TRUE(document) << row.text;
        EXPECT_EQ(document->root().number(), row.number) << row.text;
    }
    EXPECT_TRUE(std::signbit(read("-0")->root().number().value_or(1)));
}

TEST(Document, UndoesEscapes) {
    using namespace std::string_literals;
    struct {
        std::string_view json;
        std::string text;
    } const rows[] = {
        {R"("plain")", "plain"},
        {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
        {R"("\u0041\u00e9\u65e5")", "A\xc3\xa9\xe6\x97\xa5"},
        {R"("\uD83D\uDE00")", "\xf0\x9f\x98\x80"},
        {R"("a\u0000b")", "a\0b"s},
        {R"("\u0000")", "\0"s},
        {"\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80"},
    };
    for (const auto &row : rows) {
        const Read document = read(row.json);
        ASSERT_TRUE(document) << row.json;
        EXPECT_EQ(document->root().string(), row.text) << row.json;
    }
}

TEST(Document, KeepsEveryUnescapedText) {
    std::string json = "{";
    for (int i = 0; i < 200; ++i) {
        const std::string number = std::to_string(i);
        json.append(i == 0 ? "" : ",").append("\"\\u006b").append(number);
        json.append("\":\"\\u0076").append(number).append("\"");
    }
    const Read document = read(json + "}");
    ASSERT_TRUE(document) << document.error().message;
    int i = 0;
    for (const JsonValue member : document->root()) {
        EXPECT_EQ(member.key(), "k" + std::to_string(i));
        EXPECT_EQ(member.string(), "v" + std::to_string(i++));
    }
}

TEST(Document, StaysWholeWhenItIsMoved) {
    const std::string json = R"({"\u0061":"\u0062","c":[1]})";
    Read read_one = read(json);
    const JsonDocument moved = std::move(*read_one);
    EXPECT_EQ(moved.root()["a"].string(), "b");
    EXPECT_EQ(moved.root()["c"].at(0).integer(), 1);
}

// yajl sees the end of a number only at the end of input, and hands it out of its own buffer.
TEST(Document, OwnsAScalarThatIsTheWholeText) {
    for (const std::string_view text : {"3", "-1234567890.5", "3 ", "\n3"}) {
        const Read document = read(text);
        ASSERT_TRUE(document);
        const std::string churn(64, '9');
        const Read other = read(churn);
        EXPECT_EQ(document->root().number_text(),
                  text.substr(text[0] == '\n' ? 1 : 0).substr(0, text.find_last_not_of(' ') + 1));
    }
    EXPECT_EQ(read("\"abc\"")->root().string(), "abc");
    EXPECT_EQ(read("\"\\u0061bc\"")->root().string(), "abc");
    EXPECT_EQ(read("true")->root().boolean(), true);
}

TEST(Document, ReadsAsDeepAndAsWideAsItMay) {
    const auto nested = [](size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    EXPECT_TRUE(JsonDocument::read(nested(5), {5, 100, 100, true, true}));
    EXPECT_FALSE(JsonDocument::read(nested(6), {5, 100, 100, true, true}));
    EXPECT_TRUE(JsonDocument::read("[1,2,3]", {5, 4, 100, true, true}));
    EXPECT_FALSE(JsonDocument::read("[1,2,3]", {5, 3, 100, true, true}));
    const std::string_view object = R"({"a":{"x":1,"y":2},"b":[1,2,3]})";
    EXPECT_TRUE(JsonDocument::read(object, {5, 100, 2, true, true}));
    EXPECT_FALSE(JsonDocument::read(object, {5, 100, 1, true, true}));
    EXPECT_TRUE(JsonDocument::read(nested(64), kWide));
    EXPECT_FALSE(JsonDocument::read(nested(65), kWide)) << "deeper than any document may be";
}

}  // namespace
}  // namespace gateway
