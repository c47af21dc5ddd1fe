// The JSON writer: always valid JSON, whatever its input.
#include "core/json/writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "lifting.h"
#include "random_json.h"
#include "read_json.h"

namespace gateway {
namespace {

std::string string_of(std::string_view text) {
    JsonWriter out;
    out.string(text);
    return std::move(out).finish_text();
}

// The copy of a document that is read with the limits for providers.
std::string copy_of(std::string_view json, int depth = 8) {
    const LiftedText lifted = lift(json);
    const auto document = JsonDocument::read(lifted.outline, kProvidersJson, &lifted.strings);
    if (!document) {
        ADD_FAILURE() << document.error().message << " in " << json;
        return {};
    }
    JsonWriter out;
    out.copy(document->root(), depth);
    return std::move(out).finish_text();
}

void expect_json(std::string_view text) {
    const auto document =
        JsonDocument::read(text, {64, 1 << 20, 1 << 20, /*unique_keys=*/false, true});
    EXPECT_TRUE(document) << document.error().message << " in " << text;
}

TEST(Writer, EscapesWhatJsonDoesNotTake) {
    using namespace std::string_view_literals;
    struct {
        std::string_view text;
        std::string_view json;
    } const rows[] = {
        {"", R"("")"},
        {"plain /text", R"("plain /text")"},
        {"\"\\", R"("\"\\")"},
        {"\n\r\t", R"("\n\r\t")"},
        {"\b\f\x01\x1f"sv, R"("\u0008\u000c\u0001\u001f")"},
        {"a\0b"sv, R"("a\u0000b")"},
        {"\x7f", "\"\x7f\""},
        {"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80", "\"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80\""},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(string_of(row.text), row.json);
        EXPECT_EQ(ReadJson(string_of(row.text)).root().string(), row.text);
    }
}

TEST(Writer, PutsTheReplacementCharacterForBytesThatAreNoText) {
    struct {
        std::string_view text;
        std::string_view written;
    } const rows[] = {
        {"\xff", "\xef\xbf\xbd"},
        {"a\x80z", "a\xef\xbf\xbdz"},
        {"\xc3", "\xef\xbf\xbd"},
        {"\xc3\"", "\xef\xbf\xbd\\\""},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe6\x97\xc3\xa9", "\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9"},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(string_of(row.text), "\"" + std::string(row.written) + "\"");
    }
}

TEST(Writer, WritesAnyBytesAsJson) {
    std::mt19937 random(3);
    for (int round = 0; round < 5000; ++round) {
        std::string text(random() % 30, ' ');
        for (char &c : text) {
            c = static_cast<char>(random() % 4 == 0 ? random() % 128 : random());
        }
        expect_json(string_of(text));
    }
}

TEST(Writer, SetsCommasInEveryNesting) {
    JsonWriter out;
    out.open_array();
    out.open_object().close_object();
    out.open_array().close_array();
    out.open_object();
    out.key("a").number(int64_t{1}).key("b").open_array();
    out.null().boolean(true).string("x").open_array().number(int64_t{2}).close_array();
    out.close_array().key("c").open_object().key("d").null().close_object().key("e").boolean(false);
    out.close_object();
    out.string_by_reference("", Bytes()).number(1.5);
    out.close_array();
    EXPECT_EQ(std::move(out).finish().copy(),
              R"([{},[],{"a":1,"b":[null,true,"x",[2]],"c":{"d":null},"e":false},"",1.5])");
}

TEST(Writer, EscapesKeys) {
    JsonWriter out;
    out.open_object().key(std::string_view("a\"\n\xff")).null().key("").null().close_object();
    EXPECT_EQ(std::move(out).finish_text(), "{\"a\\\"\\n\xef\xbf\xbd\":null,\"\":null}");
}

TEST(Writer, WritesNumbersThatReadAsTheSame) {
    for (const int64_t integer : {int64_t{0}, int64_t{-1}, INT64_MAX, INT64_MIN}) {
        JsonWriter out;
        out.number(integer);
        EXPECT_EQ(ReadJson(std::move(out).finish_text()).root().integer(), integer);
    }
    using Double = std::numeric_limits<double>;
    for (const double number : {0.0, -0.0, 0.1, -1.5, 1e21, 1e-7, 1.0 / 3, Double::max(),
                                Double::lowest(), Double::min()}) {
        JsonWriter out;
        out.number(number);
        EXPECT_EQ(ReadJson(std::move(out).finish_text()).root().number(), number);
    }
    for (const double number : {Double::infinity(), -Double::infinity(), Double::quiet_NaN()}) {
        JsonWriter out;
        out.open_array().number(number).number(number).close_array();
        EXPECT_EQ(std::move(out).finish_text(), "[null,null]");
    }
}

TEST(Writer, CopiesShortThingsAsTheyWereRead) {
    for (const std::string_view json :
         {"null", "true", "-1.50e+3", "1e400", R"("a\"\n")", "[]", "{}", "[1,[2,{\"a\":[]}]]",
          R"({"a":{"b":null},"":[false,"x"]})"}) {
        EXPECT_EQ(copy_of(json), json);
    }
    EXPECT_EQ(copy_of(R"("\u0041\/")"), R"("A/")");
    JsonWriter out;
    out.copy(JsonValue());
    EXPECT_EQ(std::move(out).finish_text(), "null");
}

TEST(Writer, ShortensWhatIsLong) {
    const std::string limit(256, 'x');
    EXPECT_EQ(copy_of("\"" + limit + "\""), "\"" + limit + "\"");
    EXPECT_EQ(copy_of("\"" + limit + "y\""), "\"" + limit + "…\"");
    EXPECT_EQ(copy_of("\"" + std::string(9000, 'x') + "\""), "\"…\"");
    EXPECT_EQ(copy_of(std::string(64, '1')), std::string(64, '1'));
    EXPECT_EQ(copy_of(std::string(65, '1')), "\"…\"");
    EXPECT_EQ(copy_of("[[[[]]]]", 2), "[[\"…\"]]");
    EXPECT_EQ(copy_of("{\"a\":1}", 0), "\"…\"");
}

// A copy goes into replies and adjustments, so it must not repeat a whole document.
TEST(Writer, ShortensLongKeysAsWell) {
    const std::string json = "{\"" + std::string(4000, 'k') + "\":1}";
    EXPECT_LT(copy_of(json).size(), 1000U);
}

TEST(Writer, CutsNoCharacterInHalf) {
    for (const std::string_view character : {"\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x98\x80"}) {
        for (size_t before = 250; before <= 256; ++before) {
            const std::string text =
                std::string(before, 'x') + std::string(character) + std::string(20, 'y');
            const std::string copy = copy_of("\"" + text + "\"");
            EXPECT_EQ(copy.find("\xef\xbf\xbd"), std::string::npos) << copy;
            EXPECT_TRUE(copy.ends_with("…\"")) << copy;
            EXPECT_EQ(copy_of(copy), copy) << "what is copied again does not change";
        }
    }
}

TEST(Writer, CopiesAnyDocumentAsJson) {
    for (unsigned seed = 0; seed < 500; ++seed) {
        const std::string json = RandomJson(seed).document();
        expect_json(copy_of(json, static_cast<int>(seed % 9)));
    }
    for (const std::string_view odd :
         {"{\"\xff\":\"\xc3\"}", R"(["\ud800","\udc00","\ud800\u0041"])", R"({"a":1,"a":2})"}) {
        expect_json(copy_of(odd));
    }
}

TEST(Writer, PassesContentByReference) {
    const Bytes content = Bytes::own(std::string(100, 'c'));
    JsonWriter out;
    out.open_object().key("a").string_by_reference("data:\"", content);
    out.key("b").string_by_reference("", content).close_object();
    const Bytes json = std::move(out).finish();
    const std::string c = content.copy();
    EXPECT_EQ(json.copy(), R"({"a":"data:\")" + c + "\",\"b\":\"" + c + "\"}");
    ASSERT_EQ(json.slices().size(), 5U);
    EXPECT_EQ(json.slices()[1].text.data(), content.slices()[0].text.data());
    EXPECT_EQ(json.slices()[3].text.data(), content.slices()[0].text.data());
}

}  // namespace
}  // namespace gateway
