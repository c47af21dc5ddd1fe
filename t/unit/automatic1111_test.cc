// The dialect of AUTOMATIC1111 and Forge: request bodies, images among grids, errors.
#include "core/providers/dialects/automatic1111.h"

#include <gtest/gtest.h>

#include <string>

#include "dialect_world.h"
#include "edit_world.h"

namespace gateway {
namespace {

// Another 1x1 PNG, which differs from kPng at its end.
const std::string kOther = std::string(kPng) + "AAAA";

std::string answer(const std::string &images, const std::string &info) {
    return R"({"images":[)" + images + R"(],"parameters":{},"info":")" + info + "\"}";
}
std::string quoted(const std::string &text) {
    return "\"" + text + "\"";
}

class Automatic1111Test : public testing::Test {
 protected:
    std::string body(const char *model, const std::string &asked) {
        return world.call(model, asked).body.copy();
    }
    Outcome read(int status, const std::string &text) {
        return world.dialect.read(response_of(status, text));
    }

    DialectWorld world{"automatic1111", "http://10.0.0.7:7860"};
};

TEST_F(Automatic1111Test, AsksWithBasicCredentialsOrNone) {
    world.provider.keys = {{"user:password"}};
    const HttpCall call = world.call("loaded", R"({"prompt":"a"})");
    EXPECT_EQ(call.url, "http://10.0.0.7:7860/sdapi/v1/txt2img");
    EXPECT_EQ(header_of(call, "Authorization"), "Basic dXNlcjpwYXNzd29yZA==");
    EXPECT_EQ(header_of(call, "Content-Type"), "application/json");
    EXPECT_FALSE(world.dialect.needs_key());
    world.provider.keys.clear();
    EXPECT_EQ(header_of(world.call("loaded", R"({"prompt":"a"})"), "Authorization"), "");
}

TEST_F(Automatic1111Test, SendsTheFittedFieldsAndNoOthers) {
    EXPECT_EQ(body("loaded", R"({"prompt":"a"})"), R"({"prompt":"a","steps":20,"n_iter":1})");
    EXPECT_EQ(body("sdxl.safetensors", R"({"prompt":"a \"b\"","negative_prompt":"c","n":3,
                   "size":"1024x768","num_inference_steps":25,"guidance":6.5,"seed":42,
                   "quality":"high","output_format":"webp","style":"vivid","user":"u","x":1})"),
              R"({"prompt":"a \"b\"","negative_prompt":"c","width":1024,"height":768,"steps":25,)"
              R"("cfg_scale":6.5,"seed":42,"n_iter":3,)"
              R"("override_settings":{"sd_model_checkpoint":"sdxl.safetensors"}})");
}

TEST_F(Automatic1111Test, TellsFluxItsGuidanceByAnotherName) {
    EXPECT_EQ(body("FLUX1-dev", R"({"prompt":"a","guidance":3.5})"),
              R"({"prompt":"a","steps":20,"cfg_scale":1,"distilled_cfg_scale":3.5,"n_iter":1,)"
              R"("override_settings":{"sd_model_checkpoint":"FLUX1-dev"}})");
    EXPECT_EQ(body("flux", R"({"prompt":"a"})"),
              R"({"prompt":"a","steps":20,"cfg_scale":1,"n_iter":1,)"
              R"("override_settings":{"sd_model_checkpoint":"flux"}})");
}

TEST_F(Automatic1111Test, PassesWhatDecidesOnlyAboutTheImage) {
    EXPECT_EQ(body("loaded", R"({"prompt":"a","scheduler":"Karras"})"),
              R"({"prompt":"a","steps":20,"n_iter":1,"scheduler":"Karras"})");
    for (const char *name : {"override_settings", "save_images", "batch_size", "prompt", "steps"}) {
        EXPECT_TRUE(world.dialect.written_fields().contains(name)) << name;
    }
}

TEST_F(Automatic1111Test, ReadsImagesAndTheirSeeds) {
    const Outcome outcome = read(200, answer(quoted(kPng) + "," + quoted(kOther),
                                             R"({\"seed\": 42, \"all_seeds\": [42, 43]})"));
    ASSERT_EQ(outcome.type, OutcomeType::made);
    ASSERT_EQ(outcome.result.images.size(), 2U);
    EXPECT_EQ(outcome.result.images[0].content.copy(), kPng);
    EXPECT_EQ(outcome.result.images[0].seed, 42);
    EXPECT_EQ(outcome.result.images[1].seed, 43);
    const std::string long_info =
        R"({\"infotexts\": [\")" + std::string(10'000, 'x') + R"(\"], \"all_seeds\": [7]})";
    EXPECT_EQ(read(200, answer(quoted(kPng), long_info)).result.images.at(0).seed, 7);
}

TEST_F(Automatic1111Test, LeavesOutGridsAndWhatScriptsAdd) {
    const std::string three = quoted(kOther) + "," + quoted(kPng) + "," + quoted(kOther);
    const Outcome outcome =
        read(200, answer(three, R"({\"all_seeds\": [7], \"index_of_first_image\": 1})"));
    ASSERT_EQ(outcome.result.images.size(), 1U);
    EXPECT_EQ(outcome.result.images[0].content.copy(), kPng);
    EXPECT_EQ(outcome.result.images[0].seed, 7);
    EXPECT_EQ(read(200, answer(three, R"({\"index_of_first_image\": 2})")).result.images.size(),
              1U);
    EXPECT_EQ(read(200, answer(three, R"({\"index_of_first_image\": 3})")).type,
              OutcomeType::unknown);
}

TEST_F(Automatic1111Test, TakesImagesOfWhichNothingIsSaid) {
    for (const char *info : {"", "null", "[]", "{", R"({\"all_seeds\": 5})",
                             R"({\"index_of_first_image\": -1, \"all_seeds\": []})"}) {
        const Outcome outcome = read(200, answer(quoted(kPng), info));
        ASSERT_EQ(outcome.result.images.size(), 1U) << info;
        EXPECT_FALSE(outcome.result.images[0].seed) << info;
    }
    EXPECT_EQ(read(200, R"({"images":[")" + std::string(kPng) + "\"]}").type, OutcomeType::made);
    for (const char *text : {"", "{}", R"({"images":[]})", R"({"images":["no"]})", "[[["}) {
        EXPECT_EQ(read(200, text).type, OutcomeType::unknown) << text;
    }
}

TEST_F(Automatic1111Test, ReadsItsErrors) {
    const auto error = [](const std::string &kind, const std::string &detail,
                          const std::string &errors) {
        return R"({"error":")" + kind + R"(","detail":")" + detail + R"(","body":"","errors":")" +
               errors + "\"}";
    };
    const Outcome memory = read(500, error("OutOfMemoryError", "", "CUDA out of memory"));
    EXPECT_EQ(memory.type, OutcomeType::broken);
    EXPECT_EQ(memory.error.code, "OutOfMemoryError");
    EXPECT_EQ(memory.error.message, "CUDA out of memory");
    EXPECT_EQ(read(500, error("RuntimeError", "", "model 'x' not found")).type,
              OutcomeType::not_here);
    EXPECT_EQ(read(422, error("HTTPException", "always on script x not found", "")).type,
              OutcomeType::callers_fault);
    EXPECT_EQ(read(401, R"({"detail":"Not authenticated"})").type, OutcomeType::our_credentials);
    EXPECT_EQ(read(404, R"({"detail":"Not Found"})").type, OutcomeType::not_here);
    const Outcome validation = read(
        422, R"({"detail":[{"loc":["body","width"],"msg":"not an integer","type":"type_error"}]})");
    EXPECT_EQ(validation.type, OutcomeType::callers_fault);
    EXPECT_EQ(validation.error.param, "width");
    EXPECT_EQ(validation.error.message, "not an integer");
    EXPECT_EQ(read(422, R"({"detail":[]})").type, OutcomeType::callers_fault);
    EXPECT_EQ(read(500, "Internal Server Error").type, OutcomeType::unknown);
}

TEST(Automatic1111Edit, SendsOneImageAndItsSize) {
    EditWorld world("automatic1111", "http://10.0.0.7:7860");
    const HttpCall call = world.edit("loaded", R"({"prompt":"a","n":2})");
    EXPECT_EQ(call.url, "http://10.0.0.7:7860/sdapi/v1/img2img");
    EXPECT_EQ(call.body.copy(), R"({"prompt":"a","steps":20,"n_iter":2,"width":104,"height":64,)"
                                R"("init_images":["b25l"]})");
    world.images.front().facts.orientation = 6;
    EXPECT_EQ(world.edit("loaded", R"({"prompt":"a","strength":0.25})").body.copy(),
              R"({"prompt":"a","steps":20,"n_iter":1,"width":64,"height":104,)"
              R"("denoising_strength":0.25,"init_images":["b25l"]})");
    EXPECT_EQ(world.edit("loaded", R"({"prompt":"a","size":"512x256"})").body.copy(),
              R"({"prompt":"a","width":512,"height":256,"steps":20,"n_iter":1,)"
              R"("init_images":["b25l"]})");
}

TEST(Automatic1111Edit, FillsAMaskFromTheImage) {
    EditWorld world("automatic1111", "http://10.0.0.7:7860");
    world.has_mask = true;
    EXPECT_EQ(world.edit("loaded", R"({"prompt":"a","mask_blur":0})").body.copy(),
              R"({"prompt":"a","steps":20,"n_iter":1,"mask_blur":0,"width":104,"height":64,)"
              R"("init_images":["b25l"],"mask":"dGhlIG1hc2s=","inpainting_fill":1,)"
              R"("inpaint_full_res":false})");
}

TEST(Automatic1111Edit, RefusesAMaskThatTheServerWouldNotTurn) {
    EditWorld world("automatic1111", "http://10.0.0.7:7860");
    world.has_mask = true;
    world.images.front().facts.orientation = 3;
    const Work work = world.begin_edit("loaded", R"({"prompt":"a"})");
    const Outcome outcome = std::get<LocalWork>(work).make();
    EXPECT_EQ(outcome.type, OutcomeType::callers_fault);
    EXPECT_EQ(outcome.error.param, "mask");
}

TEST(Automatic1111Edit, VariesAnImageWithoutAPrompt) {
    EditWorld world("automatic1111", "http://10.0.0.7:7860");
    EXPECT_EQ(world.edit("loaded", R"({"prompt":"a"})", Operation::variation).body.copy(),
              R"({"prompt":"","steps":20,"n_iter":1,"width":104,"height":64,)"
              R"("denoising_strength":0.5,"init_images":["b25l"]})");
}

}  // namespace
}  // namespace gateway
