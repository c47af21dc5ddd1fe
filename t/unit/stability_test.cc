// Stability's dialect: forms, images, errors.
#include "core/providers/dialects/stability.h"

#include <gtest/gtest.h>

#include <string>

#include "dialect_world.h"
#include "edit_world.h"

namespace gateway {
namespace {

class StabilityTest : public testing::Test {
 protected:
    Outcome read(int status, const std::string &body, std::string headers = "") {
        return world.dialect.read(response_of(status, body, std::move(headers)));
    }
    Outcome error(int status, const std::string &name, const std::string &text = "No.") {
        return read(status, R"({"id":"x","name":")" + name + R"(","errors":[")" + text + "\"]}");
    }

    DialectWorld world{"stability", "https://api.stability.ai"};
};

TEST_F(StabilityTest, SendsAFormToTheModelsAddress) {
    const HttpCall core = world.call("stable-image-core", R"({"prompt":"a kite"})");
    EXPECT_EQ(core.url, "https://api.stability.ai/v2beta/stable-image/generate/core");
    EXPECT_EQ(form_of(core), "prompt=a kite\n");
    EXPECT_EQ(header_of(core, "Accept"), "image/*");
    EXPECT_EQ(header_of(core, "Authorization"), "Bearer sk-secret");
    EXPECT_EQ(header_of(core, "traceparent"), "00-ab-cd-01");
    EXPECT_TRUE(core.takes_image);
    EXPECT_FALSE(core.seed) << "the answer tells it";

    const HttpCall ultra = world.call("stable-image-ultra", R"({"prompt":"a kite"})");
    EXPECT_EQ(ultra.url, "https://api.stability.ai/v2beta/stable-image/generate/ultra");
    EXPECT_EQ(form_of(ultra), "prompt=a kite\n");

    for (const char *model : {"sd3.5-large", "sd3.5-flash", "one-they-have-yet-to-invent"}) {
        const HttpCall sd3 = world.call(model, R"({"prompt":"a kite"})");
        EXPECT_EQ(sd3.url, "https://api.stability.ai/v2beta/stable-image/generate/sd3");
        EXPECT_EQ(form_of(sd3), "prompt=a kite\nmodel=" + std::string(model) + "\n");
    }
}

TEST_F(StabilityTest, SendsTheFittedFieldsAndNoOthers) {
    const std::string everything =
        R"({"prompt":"a \"red\"\nkité","negative_prompt":"blur","size":"1920x1080","seed":7,
            "output_format":"webp","guidance":5.5,"num_inference_steps":30,"quality":"high",
            "style":"vivid","background":"opaque","moderation":"low","user":"u","x":1})";
    EXPECT_EQ(form_of(world.call("sd3.5-medium", everything)),
              "prompt=a \"red\"\nkité\nnegative_prompt=blur\naspect_ratio=16:9\n"
              "output_format=webp\nseed=7\ncfg_scale=5.5\nmodel=sd3.5-medium\n");
    EXPECT_EQ(form_of(world.call("stable-image-ultra", everything)),
              "prompt=a \"red\"\nkité\nnegative_prompt=blur\naspect_ratio=16:9\n"
              "output_format=webp\nseed=7\n");
}

TEST_F(StabilityTest, SendsNoEmptyFieldAndNoSeedThatMeansAny) {
    EXPECT_EQ(
        form_of(world.call("stable-image-core", R"({"prompt":"a","negative_prompt":"","seed":0})")),
        "prompt=a\nseed=1\n");
}

TEST_F(StabilityTest, PassesFieldsOfItsOwn) {
    EXPECT_EQ(form_of(world.call("stable-image-core",
                                 R"({"prompt":"a","style_preset":"anime","own":[1]})")),
              "prompt=a\nstyle_preset=anime\nown=[1]\n");
    EXPECT_FALSE(world.dialect.written_fields().contains("style_preset"));
    for (const char *name : {"model", "prompt", "cfg_scale", "output_format"}) {
        EXPECT_TRUE(world.dialect.written_fields().contains(name)) << name;
    }
}

TEST_F(StabilityTest, ReadsAnImageAndItsSeed) {
    const Outcome outcome =
        world.dialect.read(image_response("Finish-Reason: SUCCESS\r\nSeed: 343940597\r\n"));
    ASSERT_EQ(outcome.type, OutcomeType::made);
    ASSERT_EQ(outcome.result.images.size(), 1U);
    EXPECT_EQ(outcome.result.images[0].content.copy(), kPng);
    EXPECT_EQ(outcome.result.images[0].seed, 343940597);
    EXPECT_FALSE(outcome.result.cost);
    EXPECT_EQ(world.dialect.read(image_response()).type, OutcomeType::made);
    for (const char *seed : {"", "x", "1x", "99999999999999999999"}) {
        const HttpResponse response = image_response("seed: " + std::string(seed) + "\r\n");
        EXPECT_FALSE(world.dialect.read(response).result.images[0].seed) << seed;
    }
}

TEST_F(StabilityTest, TakesABlurredImageForARefusal) {
    const Outcome outcome =
        world.dialect.read(image_response("finish-reason: CONTENT_FILTERED\r\n"));
    EXPECT_EQ(outcome.type, OutcomeType::refused_by_policy);
    EXPECT_TRUE(outcome.result.images.empty());
    EXPECT_EQ(outcome.error.code, "content_filtered");
    EXPECT_EQ(world.dialect.read(image_response("finish-reason: ERROR\r\n")).type,
              OutcomeType::unknown);
}

TEST_F(StabilityTest, ReadsItsErrors) {
    EXPECT_EQ(error(400, "bad_request").type, OutcomeType::callers_fault);
    EXPECT_EQ(error(413, "payload_too_large").type, OutcomeType::callers_fault);
    EXPECT_EQ(error(422, "invalid_language").type, OutcomeType::callers_fault);
    EXPECT_EQ(error(422, "public_figure").type, OutcomeType::refused_by_policy);
    EXPECT_EQ(error(403, "content_moderation").type, OutcomeType::refused_by_policy);
    EXPECT_EQ(error(403, "forbidden").type, OutcomeType::our_credentials);
    EXPECT_EQ(error(401, "unauthorized").type, OutcomeType::our_credentials);
    EXPECT_EQ(error(402, "payment_required").type, OutcomeType::out_of_quota);
    EXPECT_EQ(error(404, "not_found").type, OutcomeType::not_here);
    EXPECT_EQ(error(429, "rate_limit_exceeded").type, OutcomeType::throttled);
    EXPECT_EQ(error(500, "internal_error").type, OutcomeType::broken);
    EXPECT_EQ(error(503, "unavailable").type, OutcomeType::broken);
    EXPECT_EQ(error(504, "timeout").type, OutcomeType::unknown);
    EXPECT_EQ(read(500, "<html>").type, OutcomeType::unknown);
    EXPECT_EQ(read(500, R"({"name":5,"errors":"x"})").type, OutcomeType::unknown);
    EXPECT_EQ(read(200, R"({"image":")" + std::string(kPng) + "\"}").type, OutcomeType::unknown);
    EXPECT_EQ(read(429, "", "Retry-After: 60\r\n").retry_after, Milliseconds(60'000));
}

TEST_F(StabilityTest, SaysWhichParameterIsWrongInOurWords) {
    const Outcome outcome = read(400, R"({"id":"x","name":"bad_request",
        "errors":["accept: odd","cfg_scale: must be at most 10","seed: must be a number"]})");
    EXPECT_EQ(outcome.error.code, "bad_request");
    EXPECT_EQ(outcome.error.param, "guidance");
    EXPECT_EQ(outcome.error.message,
              "accept: odd; cfg_scale: must be at most 10; seed: must be a number");
    EXPECT_EQ(error(400, "bad_request", "no colon").error.param, "");
}

TEST(StabilityEdit, MakesAnImageFromAnImageAndThePrompt) {
    EditWorld world("stability", "https://api.stability.ai");
    const HttpCall sd3 = world.edit("sd3.5-large", R"({"prompt":"a kite","size":"1024x1024"})");
    EXPECT_EQ(sd3.url, "https://api.stability.ai/v2beta/stable-image/generate/sd3");
    EXPECT_EQ(plain_form(sd3), text_part("prompt", "a kite") + text_part("model", "sd3.5-large") +
                                   text_part("strength", "0.7") +
                                   text_part("mode", "image-to-image") + file_part("image", "one") +
                                   "--B--\n");
    world.images = {input_image("two", ImageFormat::jpeg)};
    const HttpCall ultra = world.edit("stable-image-ultra", R"({"prompt":"a","strength":0.5})");
    EXPECT_EQ(ultra.url, "https://api.stability.ai/v2beta/stable-image/generate/ultra");
    EXPECT_EQ(plain_form(ultra), text_part("prompt", "a") + text_part("strength", "0.5") +
                                     file_part("image", "two", "image.jpeg", "image/jpeg") +
                                     "--B--\n");
}

TEST(StabilityEdit, SendsAToolItsOwnFields) {
    EditWorld world("stability", "https://api.stability.ai");
    world.has_mask = true;
    const HttpCall inpaint =
        world.edit("edit/inpaint", R"({"prompt":"a","seed":7,"strength":0.5,"size":"64x64"})");
    EXPECT_EQ(inpaint.url, "https://api.stability.ai/v2beta/stable-image/edit/inpaint");
    EXPECT_EQ(plain_form(inpaint), text_part("prompt", "a") + text_part("seed", "7") +
                                       file_part("image", "one") +
                                       file_part("mask", "the mask", "mask.png") + "--B--\n");
    world.has_mask = false;
    EXPECT_EQ(plain_form(world.edit("edit/erase", R"({"prompt":"a"})")),
              file_part("image", "one") + "--B--\n");
    EXPECT_EQ(plain_form(world.edit("edit/search-and-replace",
                                    R"({"prompt":"a","search_prompt":"a dog"})")),
              text_part("prompt", "a") + text_part("search_prompt", "a dog") +
                  file_part("image", "one") + "--B--\n");
    EXPECT_EQ(plain_form(world.edit("edit/outpaint", R"({"prompt":"a","left":200})")),
              text_part("prompt", "a") + text_part("left", "200") + file_part("image", "one") +
                  "--B--\n");
    EXPECT_EQ(plain_form(world.edit("control/style", R"({"prompt":"a","size":"1600x900"})")),
              text_part("prompt", "a") + text_part("aspect_ratio", "16:9") +
                  file_part("image", "one") + "--B--\n");
    world.images.push_back(input_image("two", ImageFormat::webp));
    EXPECT_EQ(plain_form(world.edit("control/style-transfer", R"({"prompt":"a"})")),
              text_part("prompt", "a") + file_part("init_image", "one") +
                  file_part("style_image", "two", "image.webp", "image/webp") + "--B--\n");
}

}  // namespace
}  // namespace gateway
