// Hugging Face's dialect: URLs, request bodies, images, errors.
#include "core/providers/dialects/huggingface.h"

#include <gtest/gtest.h>

#include <string>

#include "dialect_world.h"
#include "edit_world.h"
#include "read_json.h"

namespace gateway {
namespace {

constexpr const char *kModel = "black-forest-labs/FLUX.1-schnell";

class HuggingFaceTest : public testing::Test {
 protected:
    Outcome read(int status, const std::string &body, std::string headers = "") {
        return world.dialect.read(response_of(status, body, std::move(headers)));
    }

    DialectWorld world{"huggingface", "https://router.huggingface.co/hf-inference"};
};

TEST_F(HuggingFaceTest, AsksTheRouterByPathAndADedicatedEndpointAtItsRoot) {
    const HttpCall call = world.call(kModel, R"({"prompt":"a"})");
    EXPECT_EQ(call.url,
              "https://router.huggingface.co/hf-inference/models/black-forest-labs/FLUX.1-schnell");
    EXPECT_EQ(header_of(call, "Authorization"), "Bearer sk-secret");
    EXPECT_EQ(header_of(call, "Content-Type"), "application/json");
    EXPECT_EQ(header_of(call, "Accept"), "image/png");
    EXPECT_TRUE(call.takes_image);

    world.provider.url = "https://x.endpoints.huggingface.cloud";
    world.provider.keys.clear();
    const HttpCall own = world.call("whatever/../it is", R"({"prompt":"a"})");
    EXPECT_EQ(own.url, "https://x.endpoints.huggingface.cloud");
    EXPECT_EQ(header_of(own, "Authorization"), "");
}

TEST_F(HuggingFaceTest, AsksForNoModelThatLeadsElsewhere) {
    EXPECT_EQ(world.local("../../api/whoami-v2", R"({"prompt":"a"})").type, OutcomeType::not_here);
    EXPECT_EQ(world.call("a?b", R"({"prompt":"a"})").url,
              "https://router.huggingface.co/hf-inference/models/a%3Fb");
}

TEST_F(HuggingFaceTest, SendsTheFittedFieldsAndNoOthers) {
    EXPECT_EQ(
        world
            .call(kModel, R"({"prompt":"a \"red\" kité","negative_prompt":"text","seed":7,
            "size":"1024x768","num_inference_steps":28,"guidance":3.5,"quality":"high","n":1,
            "output_format":"webp","style":"vivid","moderation":"low","user":"u","x":1})")
            .body.copy(),
        R"({"inputs":"a \"red\" kité","parameters":{"width":1024,"height":768,)"
        R"("num_inference_steps":28,"guidance_scale":3.5,"negative_prompt":"text","seed":7}})");
    EXPECT_EQ(world.call(kModel, R"({"prompt":"a","seed":1,"scheduler":"euler"})").body.copy(),
              R"({"inputs":"a","parameters":{"seed":1,"scheduler":"euler"}})");
    EXPECT_FALSE(world.dialect.written_fields().contains("scheduler"));
    EXPECT_TRUE(world.dialect.written_fields().contains("inputs"));
    EXPECT_TRUE(world.dialect.written_fields().contains("guidance_scale"));
}

// Without a seed the provider would answer an equal request from its cache. No response has a seed.
TEST_F(HuggingFaceTest, SendsASeedWithEveryRequestAndTellsIt) {
    EXPECT_EQ(world.call(kModel, R"({"prompt":"a","seed":7})").seed, 7);
    const HttpCall one = world.call(kModel, R"({"prompt":"a"})");
    const HttpCall other = world.call(kModel, R"({"prompt":"a"})");
    ASSERT_TRUE(one.seed && other.seed);
    EXPECT_NE(*one.seed, *other.seed);
    EXPECT_GT(*one.seed, 0);
    EXPECT_EQ(ReadJson(one.body.copy())["parameters"]["seed"].integer(), *one.seed);
}

TEST_F(HuggingFaceTest, ReadsImagesInEveryFormThatServersGive) {
    const Outcome bytes = world.dialect.read(image_response());
    ASSERT_EQ(bytes.type, OutcomeType::made);
    EXPECT_EQ(bytes.result.images[0].content.copy(), kPng);
    const Outcome base64 = read(200, R"({"data":[{"b64_json":")" + std::string(kPng) + "\"}]}");
    ASSERT_EQ(base64.type, OutcomeType::made);
    EXPECT_EQ(base64.result.images[0].content.copy(), kPng);
    const Outcome link = read(200, R"({"output":["https://host/x.png"]})");
    ASSERT_EQ(link.type, OutcomeType::made);
    EXPECT_EQ(link.result.images[0].form, Image::Form::url);
    for (const char *body : {"", "{}", "[]", "null", R"({"output":"https://host/x.png"})",
                             R"({"data":[{"b64_json":"no"}],"output":[7,{}]})", "[[[["}) {
        EXPECT_EQ(read(200, body).type, OutcomeType::unknown) << body;
    }
}

TEST_F(HuggingFaceTest, ReadsItsErrors) {
    EXPECT_EQ(read(400, R"({"error":["bad","worse"],"warnings":[]})").error.message, "bad");
    EXPECT_EQ(read(400, R"({"error":["bad"]})").type, OutcomeType::callers_fault);
    EXPECT_EQ(read(422, R"({"error":{"message":"odd"}})").error.message, "odd");
    EXPECT_EQ(read(422, R"({"error":{"message":"odd"}})").type, OutcomeType::callers_fault);
    EXPECT_EQ(read(400, R"({"error":"Model not supported by provider hf-inference"})").type,
              OutcomeType::not_here);
    EXPECT_EQ(read(410, R"({"error":"gone"})").type, OutcomeType::not_here);
    EXPECT_EQ(read(404, R"({"error":"Not Found"})").type, OutcomeType::not_here);
    EXPECT_EQ(read(401, R"({"error":"Invalid"})").type, OutcomeType::our_credentials);
    EXPECT_EQ(read(402, R"({"error":"credits"})").type, OutcomeType::out_of_quota);
    EXPECT_EQ(read(403, R"({"error":"gated"})").type, OutcomeType::our_credentials);
    EXPECT_EQ(read(429, R"({"error":"slow"})").type, OutcomeType::throttled);
    EXPECT_EQ(read(500, R"({"error":"CUDA out of memory"})").type, OutcomeType::broken);
    EXPECT_EQ(read(500, "<html>").type, OutcomeType::unknown);
    EXPECT_EQ(read(504, R"({"error":"late"})").type, OutcomeType::unknown);
    EXPECT_EQ(read(200, R"({"error":"odd"})").type, OutcomeType::unknown);
}

TEST_F(HuggingFaceTest, WaitsForAModelThatIsLoaded) {
    const auto loading = [](const std::string &time) {
        return R"({"error":"Model x is currently loading","estimated_time":)" + time + "}";
    };
    EXPECT_EQ(read(503, loading("20.5")).type, OutcomeType::broken);
    EXPECT_EQ(read(503, loading("20.5")).retry_after, Milliseconds(20'500));
    EXPECT_EQ(read(503, loading("20.5"), "retry-after: 3\r\n").retry_after, Milliseconds(3'000));
    EXPECT_EQ(read(503, loading("1e300")).retry_after, Milliseconds(3'600'000));
    for (const char *time : {"-1", "0", "\"soon\"", "null"}) {
        EXPECT_FALSE(read(503, loading(time)).retry_after) << time;
    }
}

TEST(HuggingFaceEdit, SendsTheImageAsInputsAndThePromptAsAParameter) {
    EditWorld world("huggingface", "https://router.huggingface.co/hf-inference");
    const HttpCall call = world.edit("black-forest-labs/FLUX.1-Kontext-dev",
                                     R"({"prompt":"a \"kite\"","seed":7,"size":"1024x768","own":1,
                                         "negative_prompt":"text","guidance":3.5})");
    EXPECT_EQ(call.url,
              "https://router.huggingface.co/hf-inference/models/"
              "black-forest-labs/FLUX.1-Kontext-dev");
    EXPECT_EQ(call.body.copy(), R"({"inputs":"b25l","parameters":{"prompt":"a \"kite\"",)"
                                R"("target_size":{"width":1024,"height":768},"guidance_scale":3.5,)"
                                R"("negative_prompt":"text","own":1}})");
    EXPECT_EQ(header_of(call, "Content-Type"), "application/json");
    EXPECT_FALSE(call.seed);
}

}  // namespace
}  // namespace gateway
