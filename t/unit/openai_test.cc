// OpenAI's dialect: request bodies and images. (Errors are in openai_errors_test.cc.)
#include "core/providers/dialects/openai.h"

#include <gtest/gtest.h>

#include <string>

#include "core/catalog/fit.h"
#include "core/request/decode.h"
#include "fake_ports.h"
#include "read_json.h"
#include "responses.h"

namespace gateway {
namespace {

class OpenAiTest : public testing::Test {
 protected:
    OpenAiTest() {
        provider.name = "openai";
        provider.dialect = &dialect;
        provider.url = "https://api.openai.com/v1";
        provider.keys = {{"sk-secret"}};
    }
    HttpCall begin(std::string_view model, const Params &params, std::string_view id = "",
                   std::string_view idempotency = "", std::string_view trace = "",
                   bool with_key = true) {
        const ProviderKey *key = with_key ? provider.keys.data() : nullptr;
        return std::get<HttpCall>(dialect.begin(
            {provider, key, model, params, passed, id, idempotency, std::string(trace), random}));
    }
    // The body sent for what a caller wrote, fitted to the model.
    std::string body_for(const char *model, const std::string &asked) {
        UnknownFields unknown;
        unknown.mode = UnknownFields::Mode::pass;
        unknown.names = {"lora"};
        const auto request = decode_request(asked, {unified_profile(), unknown});
        EXPECT_TRUE(request) << request.error().message;
        const auto catalogue = Catalogue::read(Catalogue::built_in());
        const auto fitted =
            fit(request->params, *catalogue->find("", "openai", model), FitMode::adapt);
        EXPECT_TRUE(fitted) << fitted.error().message;
        passed = request->passed;
        return begin(model, fitted->params).body.copy();
    }

    OpenAi dialect{openai_variants().front()};
    Provider provider;
    std::vector<JsonValue> passed;
    FakeRandom random;
};

TEST_F(OpenAiTest, SendsTheFittedFieldsAndNoOthers) {
    EXPECT_EQ(body_for("gpt-image-2", R"({"prompt":"a kite"})"),
              R"({"model":"gpt-image-2","prompt":"a kite"})");
    EXPECT_EQ(body_for("gpt-image-2.5-sunburst",
                       R"({"user":"u-17","n":2,"prompt":"a \"red\"\nkité","size":"1536x1024",
                     "quality":"high","background":"transparent","output_format":"webp",
                     "output_compression":80,"moderation":"low","model":"whatever","x":1})"),
              "{\"model\":\"gpt-image-2.5-sunburst\",\"prompt\":\"a \\\"red\\\"\\nkité\",\"n\":2,"
              "\"size\":\"1536x1024\",\"quality\":\"high\",\"background\":\"transparent\","
              "\"output_format\":\"webp\",\"output_compression\":80,\"moderation\":\"low\","
              "\"user\":\"u-17\"}");
    EXPECT_EQ(body_for("gpt-image-2", R"({"prompt":"a","quality":"hd","style":"vivid","seed":5,
                     "guidance":7.5,"negative_prompt":"b","aspect_ratio":"1:1","size":"1x1"})"),
              R"({"model":"gpt-image-2","prompt":"a","size":"816x816","quality":"high"})");
    EXPECT_EQ(body_for("gpt-image-2", R"({"prompt":"a","lora":{"a":[1,null,"\u00e9"]},"x":1})"),
              R"({"model":"gpt-image-2","prompt":"a","lora":{"a":[1,null,"é"]}})");
}

TEST_F(OpenAiTest, NeverSendsAResponseFormatOrStreamToGptImages) {
    for (const char *model :
         {"gpt-image-2.5-flare", "gpt-image-2", "gpt-image-1.5", "chatgpt-image-latest"}) {
        for (const char *format : {"url", "b64_json"}) {
            const std::string body = body_for(
                model, R"({"prompt":"a","stream":false,"partial_images":0,"response_format":")" +
                           std::string(format) + "\"}");
            EXPECT_EQ(body, R"({"model":")" + std::string(model) + R"(","prompt":"a"})");
        }
    }
    EXPECT_EQ(body_for("my-model", R"({"prompt":"a","response_format":"url","style":"vivid"})"),
              R"({"model":"my-model","prompt":"a","style":"vivid","response_format":"url"})");
}

TEST_F(OpenAiTest, SendsTheHeadersThatItWasGiven) {
    Params params;
    params[Param::prompt] = std::string_view("a");
    const HttpCall plain = begin("m", params, "", "", "", false);
    EXPECT_EQ(plain.url, "https://api.openai.com/v1/images/generations");
    EXPECT_EQ(plain.headers, (std::vector<std::string>{"Content-Type: application/json",
                                                       "Accept: application/json"}));
    const HttpCall full = begin("m", params, "req_1", "idem-1", "00-ab-cd-01");
    EXPECT_EQ(full.headers, (std::vector<std::string>{
                                "Content-Type: application/json", "Accept: application/json",
                                "Authorization: Bearer sk-secret", "traceparent: 00-ab-cd-01",
                                "X-Client-Request-Id: req_1", "Idempotency-Key: idem-1"}));
}

TEST_F(OpenAiTest, ReadsAnAnswerOfTheGptFamily) {
    const Outcome outcome = dialect.read(response_of(200, images_json(2, R"(,
        "background":"opaque","output_format":"png","quality":"high","size":"1536x1024",
        "usage":{"input_tokens":14,"input_tokens_details":{"text_tokens":10,"image_tokens":4},
        "output_tokens":2744,"output_tokens_details":{"image_tokens":2740,"text_tokens":4},
        "total_tokens":2758})")));
    ASSERT_EQ(outcome.type, OutcomeType::made);
    const ImageResult &result = outcome.result;
    ASSERT_EQ(result.images.size(), 2U);
    EXPECT_EQ(result.images[1].content.copy(), kPng);
    EXPECT_EQ(result.images[1].format, ImageFormat::png);
    EXPECT_EQ(result.images[1].form, Image::Form::base64);
    EXPECT_EQ(result.size, "1536x1024");
    EXPECT_EQ(result.quality, "high");
    EXPECT_EQ(result.background, "opaque");
    EXPECT_EQ(result.output_format, "png");
    ASSERT_TRUE(result.usage);
    EXPECT_EQ(result.usage->input_tokens, 14);
    EXPECT_EQ(result.usage->input_text_tokens, 10);
    EXPECT_EQ(result.usage->input_image_tokens, 4);
    EXPECT_EQ(result.usage->output_tokens, 2744);
    EXPECT_EQ(result.usage->output_image_tokens, 2740);
    EXPECT_EQ(result.usage->output_text_tokens, 4);
    EXPECT_EQ(result.usage->total_tokens, 2758);
}

TEST_F(OpenAiTest, ReadsUsageAsFarAsItIsTold) {
    const Outcome outcome = dialect.read(
        response_of(200, images_json(1, R"(,"usage":{"input_tokens":14,"output_tokens":196})")));
    ASSERT_TRUE(outcome.result.usage);
    EXPECT_EQ(outcome.result.usage->total_tokens, 210);
    EXPECT_EQ(outcome.result.usage->input_text_tokens, 14);
    EXPECT_FALSE(outcome.result.usage->output_image_tokens);
    EXPECT_FALSE(dialect.read(images(1)).result.usage);
    EXPECT_FALSE(dialect.read(response_of(200, images_json(1, R"(,"usage":null)"))).result.usage);
}

TEST_F(OpenAiTest, ReadsLinksAndRevisedPromptsOfOlderModels) {
    const Outcome outcome = dialect.read(response_of(200, R"({"created":1713833628,"data":[
        {"url":"https:\/\/host\/x.png?a=b&c","revised_prompt":"A \"kite\"."},
        {"b64_json":"","url":"http://host/y.png"},{"b64_json":null,"url":null}]})"));
    ASSERT_EQ(outcome.type, OutcomeType::made);
    ASSERT_EQ(outcome.result.images.size(), 2U);
    EXPECT_EQ(outcome.result.images[0].form, Image::Form::url);
    EXPECT_EQ(outcome.result.images[0].content.copy(), "https://host/x.png?a=b&c");
    EXPECT_EQ(outcome.result.images[0].revised_prompt, "A \"kite\".");
    EXPECT_EQ(outcome.result.images[1].content.copy(), "http://host/y.png");
}

TEST_F(OpenAiTest, RefersToBigImagesWhereTheyArrived) {
    const std::string big = kPng + std::string(300'000, 'A');
    const HttpResponse response = response_of(200, R"({"data":[{"b64_json":")" + big +
                                                       R"("},{"b64_json":"data:image/png;base64,)" +
                                                       big + R"("}],"size":"1024x1024"})");
    EXPECT_LT(response.body.outline.size(), 1000U);
    const Outcome outcome = dialect.read(response);
    ASSERT_EQ(outcome.type, OutcomeType::made);
    ASSERT_EQ(outcome.result.images.size(), 2U);
    EXPECT_EQ(outcome.result.images[0].content.copy(), big);
    EXPECT_EQ(outcome.result.images[1].content.copy(), big);
    EXPECT_EQ(outcome.result.size, "1024x1024");
}

TEST_F(OpenAiTest, TakesAnAnswerWithoutAnImageForUnknown) {
    const std::string too_long(8000, 'x');
    const struct {
        const char *what;
        std::string body;
    } kRows[] = {
        {"nothing", ""},
        {"HTML", "<html><body>ok</body></html>"},
        {"truncated", images_json(1).substr(0, 80)},
        {"no data", R"({"created":1})"},
        {"empty data", R"({"created":1,"data":[]})"},
        {"data of another form", R"({"created":1,"data":{"b64_json":"x"}})"},
        {"null data", R"({"created":1,"data":null})"},
        {"empty b64", R"({"data":[{"b64_json":""}]})"},
        {"b64 that is no image", R"({"data":[{"b64_json":"aGVsbG8gd29ybGQgaGVsbG8="}]})"},
        {"long b64 that is no image", R"({"data":[{"b64_json":")" + too_long + "\"}]}"},
        {"a link that is none", R"-({"data":[{"url":"javascript:alert(1)"}]})-"},
        {"a relative link", R"({"data":[{"url":"/x.png"}]})"},
        {"a number", "7"},
        {"an error that is an empty text", R"({"error":""})"},
    };
    for (const auto &row : kRows) {
        const Outcome outcome = dialect.read(response_of(200, row.body));
        EXPECT_EQ(outcome.type, OutcomeType::unknown) << row.what;
        EXPECT_EQ(outcome.error.code, "unreadable_answer") << row.what;
        EXPECT_EQ(outcome.error.status, 200) << row.what;
        EXPECT_TRUE(outcome.result.images.empty()) << row.what;
    }
    HttpResponse huge = response_of(200, images_json(1));
    huge.body.outline_too_large = true;
    EXPECT_EQ(dialect.read(huge).type, OutcomeType::unknown);
}

TEST(Dialects, AreFoundByName) {
    EXPECT_EQ(dialect_named("openai")->name(), "openai");
    EXPECT_EQ(dialect_named("sandbox")->name(), "sandbox");
    EXPECT_EQ(dialect_named("midjourney"), nullptr);
    for (const Dialect *dialect : dialects()) {
        EXPECT_EQ(dialect_named(dialect->name()), dialect);
    }
    EXPECT_TRUE(dialect_named("openai")->needs_key());
    EXPECT_TRUE(dialect_named("openai")->needs_url());
    EXPECT_FALSE(dialect_named("sandbox")->needs_key());
    EXPECT_FALSE(dialect_named("sandbox")->needs_url());
}

}  // namespace
}  // namespace gateway
