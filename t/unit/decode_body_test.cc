// The body as a whole: prompts, models and fallbacks, what nobody knows, what is not JSON.
#include <gtest/gtest.h>

#include <string>

#include "core/request/decode.h"

namespace gateway {
namespace {

std::string repeat(std::string_view text, size_t times) {
    std::string all;
    for (size_t i = 0; i < times; ++i) {
        all += text;
    }
    return all;
}

std::string with(const std::string &members) {
    return R"({"prompt":"a kite",)" + members + "}";
}

// "param code" of the first problem; empty when the request is taken.
std::string problem_of(const std::string &body) {
    const auto request = decode_request(body);
    return request ? "" : request.error().param + " " + request.error().code;
}

TEST(DecodeBody, CountsThePromptInCodePoints) {
    const struct {
        const char *character;
        const char *what;
    } kCharacters[] = {
        {"x", "ASCII"},
        {"é", "two bytes"},
        {"漢", "three bytes"},
        {"\xF0\x9F\xAA\x81", "four bytes"},
        {"\\u6f22", "an escape"},
        {"\\ud83e\\ude81", "an escaped surrogate pair is one character"},
        {"\xCC\x81", "a combining accent counts by itself"},
    };
    for (const auto &row : kCharacters) {
        SCOPED_TRACE(row.what);
        EXPECT_EQ(problem_of(R"({"prompt":")" + repeat(row.character, 32000) + "\"}"), "");
        EXPECT_EQ(problem_of(R"({"prompt":")" + repeat(row.character, 32001) + "\"}"),
                  "prompt string_above_max_length");
    }
}

TEST(DecodeBody, RefusesAPromptThatIsMissingEmptyOrNoText) {
    EXPECT_EQ(problem_of("{}"), "prompt missing_required_parameter");
    EXPECT_EQ(problem_of(R"({"prompt":""})"), "prompt string_below_min_length");
    EXPECT_EQ(problem_of(R"({"prompt":["a kite"]})"), "prompt invalid_type");
    EXPECT_EQ(problem_of(R"({"prompt":5})"), "prompt invalid_type");
    const auto request = decode_request(R"({"prompt":"  a \u00e9 \n"})");
    ASSERT_TRUE(request);
    EXPECT_EQ(request->params.text(Param::prompt), "  a é \n");
}

TEST(DecodeBody, RefusesWhatIsNoJsonObject) {
    for (const char *body :
         {"", " ", "{", "prompt=a+kite", "{\"prompt\":\"a\"} x", "{'prompt':1}",
          "{\"prompt\":\"a\",}", "{\"prompt\":\"\xFF\"}", "{\"prompt\":\"\\ud800\"}",
          "{\"prompt\":\"\xED\xA0\x80\"}", "\xEF\xBB\xBF"}) {
        EXPECT_EQ(problem_of(body), " invalid_json") << body;
    }
    for (const char *body : {"[]", "null", "\"a kite\"", "7", "true"}) {
        EXPECT_EQ(problem_of(body), " invalid_type") << body;
    }
}

TEST(DecodeBody, RefusesAKeyGivenTwice) {
    EXPECT_EQ(problem_of(R"({"prompt":"a","prompt":"b"})"), " invalid_json");
    EXPECT_EQ(problem_of(R"({"prompt":"a","n":1,"\u006e":2})"), " invalid_json");
    EXPECT_EQ(problem_of(with(R"("x":{"y":1,"y":2})")), " invalid_json");
}

TEST(DecodeBody, TakesAModelNameOfVisibleAscii) {
    const std::string longest(256, 'm');
    EXPECT_EQ(decode_request(with(R"("model":"openai/gpt-image-2")"))->model, "openai/gpt-image-2");
    EXPECT_EQ(decode_request(with("\"model\":\"" + longest + "\""))->model, longest);
    EXPECT_EQ(decode_request(with(R"("n":1)"))->model, "");
    for (const std::string &bad :
         {std::string("\"\""), "\"" + longest + "m\"", std::string("\"a b\""),
          std::string("\"gpt\\n\""), std::string("\"\xC3\xA9\"")}) {
        EXPECT_EQ(problem_of(with("\"model\":" + bad)), "model invalid_value") << bad;
    }
    EXPECT_EQ(problem_of(with(R"("model":["auto"])")), "model invalid_type");
}

TEST(DecodeBody, TakesFallbacksInBothForms) {
    const auto request = decode_request(with(
        R"("fallbacks":["a/b",{"provider":"c","model":"d/e"},"auto",{"model":"g","provider":"f"}])"));
    ASSERT_TRUE(request);
    EXPECT_EQ(request->fallbacks, (std::vector<std::string>{"a/b", "c/d/e", "auto", "f/g"}));
    EXPECT_TRUE(decode_request(with(R"("fallbacks":[])"))->fallbacks.empty());
}

TEST(DecodeBody, NamesTheFallbackThatIsWrong) {
    for (const char *bad :
         {"7", "null", "\"\"", "\"a b\"", "[]", "{}", R"({"provider":"a"})", R"({"model":"b"})",
          R"({"provider":"","model":"b"})", R"({"provider":"a","model":7})"}) {
        EXPECT_EQ(problem_of(with(R"("fallbacks":["a/b",)" + std::string(bad) + "]")),
                  "fallbacks[1] invalid_value")
            << bad;
    }
    EXPECT_EQ(problem_of(with(R"("fallbacks":"a/b")")), "fallbacks invalid_type");
    EXPECT_EQ(problem_of(with(R"("fallbacks":{})")), "fallbacks invalid_type");
}

TEST(DecodeBody, TakesSixteenFallbacks) {
    EXPECT_EQ(problem_of(with("\"fallbacks\":[\"a/b\"" + repeat(",\"a/b\"", 15) + "]")), "");
    EXPECT_EQ(problem_of(with("\"fallbacks\":[\"a/b\"" + repeat(",\"a/b\"", 16) + "]")),
              "fallbacks array_above_max_length");
}

TEST(DecodeBody, DropsUnknownFieldsAndListsThem) {
    const auto request = decode_request(
        with(R"("cfg_scale":7.50,"lora":{"a":[1,{"b":{"c":1}}]},"Size":"big","x":null)"));
    ASSERT_TRUE(request);
    ASSERT_EQ(request->adjustments.size(), 4U);
    const char *kListed[][2] = {
        {"cfg_scale", "7.50"}, {"lora", R"({"a":[1,"…"]})"}, {"Size", R"("big")"}, {"x", "null"}};
    for (size_t i = 0; i < 4; ++i) {
        const Adjustment &listed = request->adjustments[i];
        EXPECT_EQ(listed.param, kListed[i][0]);
        EXPECT_EQ(listed.requested, kListed[i][1]);
        EXPECT_EQ(listed.sent, "null");
        EXPECT_EQ(listed.reason, "not a parameter of this API");
    }
}

TEST(DecodeBody, ShortensWhatItListsOfUnknownFields) {
    const std::string name(500, 'k');
    const auto request =
        decode_request(with("\"" + name + "\":\"" + std::string(5000, 'v') + "\""));
    ASSERT_TRUE(request);
    ASSERT_EQ(request->adjustments.size(), 1U);
    EXPECT_EQ(request->adjustments[0].param.size(), 128U);
    EXPECT_LT(request->adjustments[0].requested.size(), 300U);
}

TEST(DecodeBody, RefusesPicturesAsInput) {
    for (const char *name : {"image", "images", "mask"}) {
        EXPECT_EQ(problem_of(with("\"" + std::string(name) + "\":\"data:image/png;base64,iVBO\"")),
                  std::string(name) + " unsupported_parameter");
    }
}

TEST(DecodeBody, KeepsItsTextsWhenTheRequestIsMoved) {
    const std::string body = R"({"prompt":"short","user":"\u0061b","negative_prompt":"x"})";
    auto first = decode_request(body);
    ASSERT_TRUE(first);
    const ImageRequest moved = std::move(*first);
    first = tl::unexpected(ApiError{});
    EXPECT_EQ(moved.params.text(Param::prompt), "short");
    EXPECT_EQ(moved.params.text(Param::user), "ab");
}

}  // namespace
}  // namespace gateway
