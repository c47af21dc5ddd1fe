// The dialect of Workers AI: JSON or forms per model, images, errors.
#include "core/providers/dialects/cloudflare.h"

#include <gtest/gtest.h>

#include <string>

#include "dialect_world.h"
#include "edit_world.h"
#include "read_json.h"

namespace gateway {
namespace {

constexpr const char *kEverything =
    R"({"prompt":"a \"red\" kité","negative_prompt":"text","size":"1024x768","seed":7,
        "num_inference_steps":6,"guidance":7.5,"quality":"high","output_format":"webp",
        "style":"vivid","moderation":"low","user":"u","x":1})";

class CloudflareTest : public testing::Test {
 protected:
    Outcome read(int status, const std::string &body, std::string headers = "") {
        return world.dialect.read(response_of(status, body, std::move(headers)));
    }
    Outcome error(int status, const std::string &code) {
        return read(status, R"({"result":null,"success":false,"errors":[{"code":)" + code +
                                R"(,"message":"AiError: No"}],"messages":[]})");
    }
    Outcome envelope(const std::string &result) {
        return read(200, R"({"result":)" + result + R"(,"success":true,"errors":[]})");
    }

    DialectWorld world{"cloudflare-workers-ai", "https://api.cloudflare.com/x/accounts/1/ai/run"};
};

TEST_F(CloudflareTest, AsksForTheModelByItsPath) {
    const HttpCall call = world.call("@cf/leonardo/phoenix-1.0", R"({"prompt":"a"})");
    EXPECT_EQ(call.url, "https://api.cloudflare.com/x/accounts/1/ai/run/@cf/leonardo/phoenix-1.0");
    EXPECT_EQ(header_of(call, "Authorization"), "Bearer sk-secret");
    EXPECT_EQ(header_of(call, "Content-Type"), "application/json");
    EXPECT_TRUE(call.takes_image);
    EXPECT_EQ(world.local("@cf/../../../tokens", R"({"prompt":"a"})").type, OutcomeType::not_here);
}

TEST_F(CloudflareTest, SendsEachModelWhatItTakes) {
    const auto json = [&](const char *model) { return world.call(model, kEverything).body.copy(); };
    EXPECT_EQ(json("@cf/black-forest-labs/flux-1-schnell"),
              R"({"prompt":"a \"red\" kité","steps":6})");
    EXPECT_EQ(json("@cf/leonardo/lucid-origin"),
              R"({"prompt":"a \"red\" kité","width":1024,"height":768,"num_steps":6,)"
              R"("guidance":7.5,"seed":7})");
    for (const char *model :
         {"@cf/leonardo/phoenix-1.0", "@cf/stabilityai/stable-diffusion-xl-base-1.0",
          "@cf/bytedance/stable-diffusion-xl-lightning", "@cf/lykon/dreamshaper-8-lcm"}) {
        EXPECT_EQ(json(model),
                  R"({"prompt":"a \"red\" kité","negative_prompt":"text","width":1024,)"
                  R"("height":768,"num_steps":6,"guidance":7.5,"seed":7})");
    }
    EXPECT_EQ(form_of(world.call("@cf/black-forest-labs/flux-2-dev", kEverything)),
              "prompt=a \"red\" kité\nwidth=1024\nheight=768\nsteps=6\nguidance=7.5\nseed=7\n");
    EXPECT_EQ(form_of(world.call("@cf/black-forest-labs/flux-2-klein-4b", kEverything)),
              "prompt=a \"red\" kité\nwidth=1024\nheight=768\nguidance=7.5\nseed=7\n")
        << "its steps are fixed";
}

TEST_F(CloudflareTest, SendsNoEmptyTextsAndPassesFieldsOfTheModels) {
    EXPECT_EQ(world
                  .call("@cf/leonardo/phoenix-1.0",
                        R"({"prompt":"a","negative_prompt":"","seed":1,"own":{"a":[1,"é"]}})")
                  .body.copy(),
              R"({"prompt":"a","seed":1,"own":{"a":[1,"é"]}})");
    EXPECT_EQ(form_of(world.call("@cf/black-forest-labs/flux-2-dev",
                                 R"({"prompt":"a","seed":1,"own":"b"})")),
              "prompt=a\nseed=1\nown=b\n");
    EXPECT_FALSE(world.dialect.written_fields().contains("own"));
    for (const char *name : {"prompt", "width", "steps", "num_steps", "seed"}) {
        EXPECT_TRUE(world.dialect.written_fields().contains(name)) << name;
    }
}

// No response has the seed. A model without a seed parameter must not get one.
TEST_F(CloudflareTest, DrawsASeedForModelsThatTakeOne) {
    const HttpCall drawn = world.call("@cf/leonardo/phoenix-1.0", R"({"prompt":"a"})");
    ASSERT_TRUE(drawn.seed);
    EXPECT_EQ(ReadJson(drawn.body.copy())["seed"].integer(), *drawn.seed);
    const HttpCall form = world.call("@cf/black-forest-labs/flux-2-dev", R"({"prompt":"a"})");
    ASSERT_TRUE(form.seed);
    EXPECT_EQ(form_of(form), "prompt=a\nseed=" + std::to_string(*form.seed) + "\n");
    EXPECT_EQ(world.call("@cf/someone/new", R"({"prompt":"a","seed":7})").seed, 7);
    for (const char *model : {"@cf/black-forest-labs/flux-1-schnell", "@cf/someone/new"}) {
        const HttpCall call = world.call(model, R"({"prompt":"a"})");
        EXPECT_FALSE(call.seed);
        EXPECT_EQ(call.body.copy(), R"({"prompt":"a"})");
    }
}

TEST_F(CloudflareTest, ReadsBytesAndEnvelopes) {
    const Outcome bytes = world.dialect.read(image_response());
    ASSERT_EQ(bytes.type, OutcomeType::made);
    EXPECT_EQ(bytes.result.images[0].content.copy(), kPng);
    const Outcome base64 = envelope(R"({"image":")" + std::string(kPng) + "\"}");
    ASSERT_EQ(base64.type, OutcomeType::made);
    EXPECT_EQ(base64.result.images[0].content.copy(), kPng);
    EXPECT_EQ(envelope(R"({"image":"https://host/x.png"})").result.images.at(0).form,
              Image::Form::url);
    for (const char *result : {"null", "{}", "[]", R"("x")", R"({"image":""})", R"({"image":7})"}) {
        EXPECT_EQ(envelope(result).type, OutcomeType::unknown) << result;
    }
    EXPECT_EQ(read(200, "").type, OutcomeType::unknown);
    EXPECT_EQ(read(200, R"({"success":false,"errors":[]})").type, OutcomeType::unknown);
}

TEST_F(CloudflareTest, ReadsItsErrorsByCode) {
    EXPECT_EQ(error(400, "3030").type, OutcomeType::refused_by_policy);
    EXPECT_EQ(error(200, "3030").type, OutcomeType::refused_by_policy);
    EXPECT_EQ(error(400, "\"3030\"").type, OutcomeType::refused_by_policy);
    EXPECT_EQ(error(400, "5004").type, OutcomeType::callers_fault);
    EXPECT_EQ(error(400, "5006").type, OutcomeType::callers_fault);
    EXPECT_EQ(error(400, "3003").type, OutcomeType::callers_fault);
    EXPECT_EQ(error(413, "3006").type, OutcomeType::callers_fault);
    EXPECT_EQ(error(400, "5007").type, OutcomeType::not_here);
    EXPECT_EQ(error(404, "3042").type, OutcomeType::not_here);
    EXPECT_EQ(error(404, "7003").type, OutcomeType::not_here);
    EXPECT_EQ(error(405, "5005").type, OutcomeType::not_here);
    for (const char *code : {"10000", "5018", "3041", "5016", "3023"}) {
        EXPECT_EQ(error(403, code).type, OutcomeType::our_credentials) << code;
    }
    EXPECT_EQ(error(400, "10000").type, OutcomeType::our_credentials);
    EXPECT_EQ(error(429, "3036").type, OutcomeType::out_of_quota);
    EXPECT_EQ(error(429, "3040").type, OutcomeType::throttled);
    EXPECT_EQ(error(408, "3007").type, OutcomeType::broken);
    EXPECT_EQ(error(500, "3043").type, OutcomeType::broken);
    EXPECT_EQ(error(502, "9999").type, OutcomeType::unknown);
    EXPECT_EQ(read(502, "<html>").type, OutcomeType::unknown);
    EXPECT_EQ(error(400, "3030").error.code, "3030");
    EXPECT_EQ(error(400, "3030").error.message, "AiError: No");
}

TEST(CloudflareEdit, SendsStableDiffusionTheImageAsBase64) {
    EditWorld world("cloudflare-workers-ai", "https://cf/ai/run");
    EXPECT_EQ(world
                  .edit("@cf/runwayml/stable-diffusion-v1-5-img2img",
                        R"({"prompt":"a","negative_prompt":"","seed":7,"strength":0.5,"own":1})")
                  .body.copy(),
              R"({"prompt":"a","strength":0.5,"seed":7,"own":1,"image_b64":"b25l"})");
}

TEST(CloudflareEdit, SendsFlux2UpToFourFiles) {
    EditWorld world("cloudflare-workers-ai", "https://cf/ai/run");
    world.images.push_back(input_image("two", ImageFormat::jpeg));
    EXPECT_EQ(plain_form(world.edit("@cf/black-forest-labs/flux-2-dev",
                                    R"({"prompt":"a","seed":7,"size":"512x512"})")),
              text_part("prompt", "a") + text_part("width", "512") + text_part("height", "512") +
                  text_part("seed", "7") + file_part("input_image_0", "one") +
                  file_part("input_image_1", "two", "image.jpeg", "image/jpeg") + "--B--\n");
}

}  // namespace
}  // namespace gateway
