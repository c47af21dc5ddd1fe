// The body as a whole: prompts, models and fallbacks, unknown fields, invalid JSON.
#include <gtest/gtest.h>

#include <string>

#include "decoded.h"

namespace gateway {
namespace {

std::string with(const std::string &members) {
    return R"({"prompt":"a kite",)" + members + "}";
}

std::string problems_of(const std::string &body) {
    return Decoded(body).problems();
}

std::string with_prompt(const std::string &characters) {
    return R"({"prompt":")" + characters + "\"}";
}

TEST(DecodeBody, CountsThePromptInCodePoints) {
    const Profile &of_1000 = *profile_named("mka1");
    const struct {
        const char *character;
        const char *what;
    } kCharacters[] = {
        {"x", "ASCII"},
        {"é", "two bytes"},
        {"漢", "three bytes"},
        {"\xF0\x9F\xAA\x81", "four bytes"},
        {"\\u6f22", "an escape"},
        {"\\n", "a short escape"},
        {"\\ud83e\\ude81", "an escaped surrogate pair is one character"},
        {"\xCC\x81", "a combining accent counts by itself"},
    };
    for (const auto &row : kCharacters) {
        SCOPED_TRACE(row.what);
        EXPECT_EQ(Decoded(with_prompt(repeat(row.character, 1000)), of_1000).problems(), "");
        EXPECT_EQ(Decoded(with_prompt(repeat(row.character, 1001)), of_1000).problems(),
                  "prompt string_above_max_length");
    }
}

TEST(DecodeBody, LeavesTheLengthOfAPromptToTheModelUpToAMillionCharacters) {
    EXPECT_EQ(problems_of(with_prompt(std::string(1'000'000, 'x'))), "");
    EXPECT_EQ(problems_of(with_prompt(repeat("\xF0\x9F\xAA\x81", 1'000'000))), "");
    EXPECT_EQ(problems_of(with_prompt(std::string(1'000'001, 'x'))),
              "prompt string_above_max_length");
}

TEST(DecodeBody, RefusesAPromptThatIsMissingEmptyOrNoText) {
    EXPECT_EQ(problems_of("{}"), "prompt missing_required_parameter");
    EXPECT_EQ(problems_of(R"({"prompt":""})"), "prompt string_below_min_length");
    EXPECT_EQ(problems_of(R"({"prompt":["a kite"]})"), "prompt invalid_type");
    EXPECT_EQ(problems_of(R"({"prompt":5})"), "prompt invalid_type");
    EXPECT_EQ(problems_of(R"({"prompt":null})"), "prompt invalid_type");
    const Decoded request(R"({"prompt":"  a \u00e9 \n"})");
    ASSERT_TRUE(request);
    EXPECT_EQ(request->params.text(Param::prompt), "  a é \n");
}

TEST(DecodeBody, RefusesWhatIsNoJsonObject) {
    for (const char *body :
         {"", " ", "{", "prompt=a+kite", "{\"prompt\":\"a\"} x", "{'prompt':1}",
          "{\"prompt\":\"a\",}", "{\"prompt\":\"\xFF\"}", "{\"prompt\":\"\\ud800\"}",
          "{\"prompt\":\"\xED\xA0\x80\"}", "\xEF\xBB\xBF"}) {
        EXPECT_EQ(problems_of(body), " invalid_json") << body;
    }
    for (const char *body : {"[]", "null", "\"a kite\"", "7", "true"}) {
        EXPECT_EQ(problems_of(body), " invalid_type") << body;
    }
}

TEST(DecodeBody, KeepsTheDocumentOnlyWhereSomethingRefersToIt) {
    const auto document_of = [](const std::string &body, bool passes) {
        UnknownFields unknown;
        if (passes) {
            unknown.mode = UnknownFields::Mode::pass;
            unknown.names = {"lora"};
        }
        const auto request = decode_request(body, {unified_profile(), unknown});
        EXPECT_TRUE(request);
        return request ? request->document : nullptr;
    };
    EXPECT_EQ(document_of(R"({"prompt":"a kite","n":2,"lora":"x"})", false), nullptr);
    EXPECT_NE(document_of(R"({"prompt":"a kite","n":2,"lora":"x"})", true), nullptr);
    EXPECT_NE(document_of(R"({"prompt":"a\nkite"})", false), nullptr);
}

TEST(DecodeBody, RefusesAKeyGivenTwiceAndNamesIt) {
    EXPECT_EQ(problems_of(R"({"prompt":"a","prompt":"b"})"), "prompt invalid_json");
    EXPECT_EQ(problems_of(R"({"prompt":"a","n":1,"\u006e":2})"), "n invalid_json");
    EXPECT_EQ(problems_of(with(R"("x":{"y":1,"y":2})")), "y invalid_json");
}

TEST(DecodeBody, TakesAModelNameOfVisibleAscii) {
    const std::string longest(256, 'm');
    EXPECT_EQ(Decoded(with(R"("model":"openai/gpt-image-2")"))->model, "openai/gpt-image-2");
    EXPECT_EQ(Decoded(with("\"model\":\"" + longest + "\""))->model, longest);
    EXPECT_EQ(Decoded(with(R"("n":1)"))->model, "");
    for (const std::string &bad :
         {std::string("\"\""), "\"" + longest + "m\"", std::string("\"a b\""),
          std::string("\"gpt\\n\""), std::string("\"\xC3\xA9\"")}) {
        EXPECT_EQ(problems_of(with("\"model\":" + bad)), "model invalid_value") << bad;
    }
    EXPECT_EQ(problems_of(with(R"("model":["auto"])")), "model invalid_type");
}

TEST(DecodeBody, TakesFallbacksInBothForms) {
    const Decoded request(with(
        R"("fallbacks":["a/b",{"provider":"c","model":"d/e"},"auto",{"model":"g","provider":"f"}])"));
    ASSERT_TRUE(request);
    EXPECT_EQ(request->fallbacks, (std::vector<std::string>{"a/b", "c/d/e", "auto", "f/g"}));
    EXPECT_TRUE(Decoded(with(R"("fallbacks":[])"))->fallbacks.empty());
}

TEST(DecodeBody, NamesTheFallbackThatIsWrong) {
    for (const char *bad :
         {"7", "null", "\"\"", "\"a b\"", "[]", "{}", R"({"provider":"a"})", R"({"model":"b"})",
          R"({"provider":"","model":"b"})", R"({"provider":"a","model":7})"}) {
        EXPECT_EQ(problems_of(with(R"("fallbacks":["a/b",)" + std::string(bad) + "]")),
                  "fallbacks[1] invalid_value")
            << bad;
    }
    EXPECT_EQ(problems_of(with(R"("fallbacks":"a/b")")), "fallbacks invalid_type");
    EXPECT_EQ(problems_of(with(R"("fallbacks":{})")), "fallbacks invalid_type");
}

TEST(DecodeBody, TakesSixteenFallbacks) {
    EXPECT_EQ(problems_of(with("\"fallbacks\":[\"a/b\"" + repeat(",\"a/b\"", 15) + "]")), "");
    EXPECT_EQ(problems_of(with("\"fallbacks\":[\"a/b\"" + repeat(",\"a/b\"", 16) + "]")),
              "fallbacks array_above_max_length");
}

TEST(DecodeBody, DropsUnknownFieldsAndListsThem) {
    const Decoded request(
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
    const Decoded request(with("\"" + name + "\":\"" + std::string(5000, 'v') + "\""));
    ASSERT_TRUE(request);
    ASSERT_EQ(request->adjustments.size(), 1U);
    EXPECT_EQ(request->adjustments[0].param.size(), 128U);
    EXPECT_LT(request->adjustments[0].requested.size(), 300U);
}

TEST(DecodeBody, TakesInputImagesInEachOfTheirForms) {
    for (const char *json :
         {R"("image":"https://a/b.png")", R"("images":["a"])", R"("input_images":[{"url":"a"}])",
          R"("input_references":[{"type":"image_url","image_url":{"url":"a"}}])",
          R"("reference_images":{"b64_json":"a"})", R"("image":{"image_url":"a"})"}) {
        const Decoded request(with(json));
        ASSERT_TRUE(request) << json;
        ASSERT_EQ(request->images.size(), 1U) << json;
        EXPECT_EQ(request->images[0].kind, ImageReference::Kind::text);
        EXPECT_EQ(request->operation, Operation::edit);
    }
    const Decoded both(with(R"("image":"a","images":[{"file_id":"f"},"b"],"mask":"c")"));
    ASSERT_TRUE(both);
    ASSERT_EQ(both->images.size(), 3U);
    EXPECT_EQ(both->images[1].kind, ImageReference::Kind::file_id);
    EXPECT_EQ(both->images[1].field, "images[0].file_id");
    EXPECT_EQ(both->images[2].field, "images[1]");
    EXPECT_EQ(both->masks.size(), 1U);
    EXPECT_EQ(problems_of(with(R"("image":null)")), "");
}

TEST(DecodeBody, RefusesInputImagesThatMeanNothing) {
    const std::pair<const char *, const char *> kRows[] = {
        {R"("image":1)", "image invalid_type"},
        {R"("image":"")", "image invalid_value"},
        {R"("image":{})", "image invalid_value"},
        {R"("image":{"url":"a","b64_json":"b"})", "image invalid_value"},
        {R"("images":[null])", "images[0] invalid_type"},
        {R"("images":[["a"]])", "images[0] invalid_type"},
        {R"("image":{"image_url":{"href":"a"}})", "image.image_url.url invalid_type"},
        {R"("images":["1","2","3","4","5","6","7","8","9","a","b","c","d","e","f","g","h"])",
         "images array_above_max_length"},
        {R"("mask":"x")", "mask invalid_value"},
        {R"("image":{"file_id":{"url":"f"}})", "image.file_id invalid_type"},
        {R"("image":{"file_id":"a b"})", "image.file_id invalid_value"},
        {R"("image":{"file_id":""})", "image.file_id invalid_value"},
        {R"("image":{"file_id":"f","url":"a"})", "image invalid_value"},
        {R"("image":"a","mask":["x"])", "mask invalid_type"},
    };
    for (const auto &[json, problems] : kRows) {
        EXPECT_EQ(problems_of(with(json)), problems) << json;
    }
    // "@0" means a string that was cut out. There is none here.
    const Decoded at(with(R"("image":"@0")"));
    ASSERT_TRUE(at);
    EXPECT_EQ(at->images[0].kind, ImageReference::Kind::text);
}

TEST(DecodeBody, RejectsEachUnknownFieldByAShortName) {
    const UnknownFields reject{UnknownFields::Mode::reject, {}};
    const std::string name(500, 'k');
    const Decoded request(with("\"a\":1,\"" + name + "\":2,\"b\":null"), unified_profile(), reject);
    ASSERT_FALSE(request);
    EXPECT_EQ(request.problems(), "a unknown_parameter, " + name.substr(0, 128) +
                                      " unknown_parameter, b unknown_parameter");
    EXPECT_EQ(request.error().message, "Unknown parameter: 'a'.");
}

TEST(DecodeBody, PassesNamedFieldsAsTheyWereWrittenAndDropsTheOthers) {
    const UnknownFields pass{UnknownFields::Mode::pass, {"lora", "cfg_scale", "never_sent"}};
    const Decoded request(with(R"("cfg_scale":7.50,"seeds":[1],"lora":{"a":[null,"b"]},"Lora":1)"),
                          unified_profile(), pass);
    ASSERT_TRUE(request);
    ASSERT_EQ(request->passed.size(), 2U);
    EXPECT_EQ(request->passed[0].key(), "cfg_scale");
    EXPECT_EQ(request->passed[0].number_text(), "7.50");
    EXPECT_EQ(request->passed[1].key(), "lora");
    EXPECT_EQ(request->passed[1]["a"].at(1).string(), "b");
    ASSERT_EQ(request->adjustments.size(), 2U);
    EXPECT_EQ(request->adjustments[0].param, "seeds");
    EXPECT_EQ(request->adjustments[1].param, "Lora");
}

TEST(DecodeBody, KeepsItsTextsWhenTheRequestIsMoved) {
    const std::string body = R"({"prompt":"short","user":"\u0061b","x":{"y":"\u0063"}})";
    const UnknownFields pass{UnknownFields::Mode::pass, {"x"}};
    auto first = decode_request(body, {unified_profile(), pass});
    ASSERT_TRUE(first);
    const ImageRequest moved = std::move(*first);
    first = tl::unexpected(ApiError{});
    EXPECT_EQ(moved.params.text(Param::prompt), "short");
    EXPECT_EQ(moved.params.text(Param::user), "ab");
    EXPECT_EQ(moved.passed.at(0)["y"].string(), "c");
}

}  // namespace
}  // namespace gateway
