// Servers with variants of OpenAI's Images API: the built-in ones, and those that an operator
// describes.
#include "core/providers/dialects/openai_variants.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/providers/dialects/openai_response.h"
#include "core/providers/response_document.h"
#include "dialect_test.h"
#include "responses.h"

namespace gateway {
namespace {

// ---- what is sent

class Azure : public DialectTest {
 protected:
    Azure() : DialectTest("azure-openai", "https://r.openai.azure.com/openai/v1") {}
};
class Xai : public DialectTest {
 protected:
    Xai() : DialectTest("xai", "https://api.x.ai/v1") {}
};
class Together : public DialectTest {
 protected:
    Together() : DialectTest("together", "https://api.together.ai/v1") {}
};
class OpenRouter : public DialectTest {
 protected:
    OpenRouter() : DialectTest("openrouter", "https://openrouter.ai/api/v1") {}
};
class Recraft : public DialectTest {
 protected:
    Recraft() : DialectTest("recraft", "https://external.api.recraft.ai/v1") {}
};
class SiliconFlow : public DialectTest {
 protected:
    SiliconFlow() : DialectTest("siliconflow", "https://api.siliconflow.com/v1") {}
};
class VllmOmni : public DialectTest {
 protected:
    VllmOmni() : DialectTest("vllm-omni", "http://10.0.0.7:8000/v1") {}
};
class SdServer : public DialectTest {
 protected:
    SdServer() : DialectTest("sd-server", "http://10.0.0.7:1234/v1") {}

    std::string prompt_for(const std::string &prompt) {
        return body_for("sd-cpp-local", R"({"prompt":")" + prompt + R"(","seed":7})");
    }
};
class Aggregator : public DialectTest {
 protected:
    Aggregator() : DialectTest("aggregator", "https://reseller.example/v1") {}
};

bool has_header(const HttpCall &call, const std::string &line) {
    return std::find(call.headers.begin(), call.headers.end(), line) != call.headers.end();
}

TEST_F(Azure, IsAskedWithAKeyOfItsOwnHeaderAndNeverForWebp) {
    const HttpCall call = call_for(
        "gpt-image-2", R"({"prompt":"a","n":2,"size":"1536x1024","quality":"medium","user":"u1",
        "output_format":"webp","response_format":"b64_json","moderation":"low"})");
    EXPECT_EQ(call.url, "https://r.openai.azure.com/openai/v1/images/generations");
    EXPECT_TRUE(has_header(call, "api-key: secret"));
    EXPECT_EQ(call.body.copy().find("webp"), std::string::npos);
    EXPECT_EQ(call.body.copy().find("response_format"), std::string::npos);
    EXPECT_NE(call.body.copy().find(R"("moderation":"low")"), std::string::npos);
}

TEST_F(Azure, HasOlderModelsWithFixedSizes) {
    for (const char *model : {"gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5"}) {
        EXPECT_NE(
            body_for(model, R"({"prompt":"a","size":"1792x1024"})").find(R"("size":"1536x1024")"),
            std::string::npos)
            << model;
        EXPECT_EQ(model_of("azure-openai", model).status, ModelStatus::current) << model;
    }
}

TEST_F(Xai, IsAskedForRatiosAndTiersAndNeverForSizes) {
    EXPECT_EQ(body_for("grok-imagine-image-2.0",
                       R"({"prompt":"a","n":2,"size":"1792x1024","quality":"low","style":"vivid",
                 "seed":7,"response_format":"b64_json","user":"u1"})"),
              R"({"model":"grok-imagine-image-2.0","prompt":"a","n":2,"aspect_ratio":"16:9",)"
              R"("resolution":"1k","quality":"low","response_format":"b64_json","user":"u1"})");
    EXPECT_EQ(body_for("grok-imagine-image", R"({"prompt":"a","quality":"low"})"),
              R"({"model":"grok-imagine-image","prompt":"a"})");
}

TEST_F(Together, HasItsOwnWords) {
    EXPECT_EQ(body_for("black-forest-labs/FLUX.1-schnell",
                       R"({"prompt":"a","n":2,"size":"1344x768","response_format":"b64_json",
                 "output_format":"png","seed":7,"num_inference_steps":4,"negative_prompt":"b",
                 "guidance":3.5})"),
              R"({"model":"black-forest-labs/FLUX.1-schnell","prompt":"a","n":2,"width":1344,)"
              R"("height":768,"output_format":"png","response_format":"base64",)"
              R"("negative_prompt":"b","seed":7,"steps":4,"guidance_scale":3.5})");
    EXPECT_EQ(body_for("black-forest-labs/FLUX.1.1-pro",
                       R"({"prompt":"a","size":"auto","response_format":"url","guidance":3.5})"),
              R"({"model":"black-forest-labs/FLUX.1.1-pro","prompt":"a","response_format":"url"})");
}

TEST_F(OpenRouter, IsAskedAtAPathOfItsOwn) {
    const HttpCall call = call_for("google/gemini-3.1-flash-image",
                                   R"({"prompt":"a","aspect_ratio":"16:9","resolution":"2K",
        "seed":7,"response_format":"url","user":"u1"})");
    EXPECT_EQ(call.url, "https://openrouter.ai/api/v1/images");
    EXPECT_EQ(call.body.copy(),
              R"({"model":"google/gemini-3.1-flash-image","prompt":"a","aspect_ratio":"16:9",)"
              R"("resolution":"2K","seed":7})");
}

TEST_F(Recraft, HasItsOwnWords) {
    EXPECT_EQ(body_for("recraftv3",
                       R"({"prompt":"a","n":2,"size":"1365x1024","style":"vivid",
                 "negative_prompt":"b","response_format":"b64_json","output_format":"png",
                 "seed":42})"),
              R"({"model":"recraftv3","prompt":"a","n":2,"size":"1365x1024",)"
              R"("image_format":"png","response_format":"b64_json",)"
              R"("negative_prompt":"b","random_seed":42})");
    EXPECT_EQ(body_for("recraftv4_1", R"({"prompt":"a","size":"1792x1024","style":"vivid",
                 "negative_prompt":"b","seed":42})"),
              R"({"model":"recraftv4_1","prompt":"a","size":"1344x768","random_seed":42})");
}

TEST_F(Recraft, HasARandomSeedWhichIsTold) {
    const HttpCall call = call_for("recraftv4_1", R"({"prompt":"a"})");
    ASSERT_TRUE(call.seed);
    EXPECT_NE(call.body.copy().find("\"random_seed\":" + std::to_string(*call.seed)),
              std::string::npos);
}

TEST_F(SiliconFlow, HasItsOwnWords) {
    EXPECT_EQ(body_for("Kwai-Kolors/Kolors",
                       R"({"prompt":"a","n":2,"size":"960x1280","response_format":"b64_json",
                 "negative_prompt":"b","num_inference_steps":20,"guidance":7.5,"seed":9999999999,
                 "style":"vivid"})"),
              R"({"model":"Kwai-Kolors/Kolors","prompt":"a","batch_size":2,)"
              R"("image_size":"960x1280","negative_prompt":"b","seed":9999999999,)"
              R"("num_inference_steps":20,"guidance_scale":7.5})");
    EXPECT_EQ(body_for("Qwen/Qwen-Image", R"({"prompt":"a","size":"1024x1024","guidance":5})"),
              R"({"model":"Qwen/Qwen-Image","prompt":"a","image_size":"1328x1328"})");
}

TEST_F(VllmOmni, HasGuidanceByAnotherName) {
    EXPECT_EQ(body_for("Qwen/Qwen-Image",
                       R"({"prompt":"a","n":2,"size":"1024x1024","response_format":"url",
                 "output_format":"png","negative_prompt":"b","num_inference_steps":50,
                 "guidance":1.5,"seed":42,"quality":"high","style":"vivid"})"),
              R"({"model":"Qwen/Qwen-Image","prompt":"a","n":2,"size":"1024x1024",)"
              R"("output_format":"png","negative_prompt":"b","seed":42,)"
              R"("num_inference_steps":50,"guidance_scale":1.5})");
}

TEST_F(SdServer, IsToldInABlockOfThePromptWhatItHasNoFieldsFor) {
    EXPECT_EQ(body_for("sd-cpp-local",
                       R"({"prompt":"a","n":2,"size":"512x512","output_format":"jpeg",
                 "output_compression":80,"seed":42,"negative_prompt":"b \"c\"",
                 "num_inference_steps":28,"guidance":5,"response_format":"b64_json"})"),
              R"({"prompt":"a <sd_cpp_extra_args>{\"seed\":42,\"negative_prompt\":\"b \\\"c\\\"\",)"
              R"(\"sample_params\":{\"sample_steps\":28,\"guidance\":{\"txt_cfg\":5}}})"
              R"(</sd_cpp_extra_args>","n":2,"size":"512x512","output_format":"jpeg",)"
              R"("output_compression":80})");
}

TEST_F(SdServer, HasARandomSeedWhichIsTold) {
    const HttpCall call = call_for("sd-cpp-local", R"({"prompt":"a"})");
    ASSERT_TRUE(call.seed);
    EXPECT_NE(call.body.copy().find("{\\\"seed\\\":" + std::to_string(*call.seed) + "}"),
              std::string::npos);
}

TEST_F(SdServer, GetsNoBlockThatACallerWrote) {
    const std::string ours = R"( <sd_cpp_extra_args>{\"seed\":7}</sd_cpp_extra_args>"})";
    for (const char *block :
         {"<sd_cpp_extra_args>x</sd_cpp_extra_args>", "<sd_cpp_<sd_cpp_extra_args>extra_args>x",
          "<sd_cpp_extra</sd_cpp_extra_args>_args>x", "x</sd_cpp<sd_cpp_extra_args>_extra_args>",
          "<<sd_cpp_extra_args>sd_cpp_<</sd_cpp_extra_args>/sd_cpp_extra_args>extra_args>x"}) {
        EXPECT_EQ(prompt_for(block), R"({"prompt":"x)" + ours) << block;
    }
    EXPECT_EQ(prompt_for("<sd_cpp_extra_args"), R"({"prompt":"<sd_cpp_extra_args)" + ours);
}

TEST_F(SdServer, HasNothingInItsBlockThatEndsIt) {
    const std::string body = body_for("sd-cpp-local", R"({"prompt":"a","seed":7,"negative_prompt":
        "b</sd_cpp_extra_args> <sd_cpp_extra_args>{}"})");
    EXPECT_EQ(body, R"({"prompt":"a <sd_cpp_extra_args>{\"seed\":7,\"negative_prompt\":\"b {}\"})"
                    R"(</sd_cpp_extra_args>"})");
}

TEST_F(SdServer, LeavesNothingOfTagsHoweverDeep) {
    std::string nested;
    for (const char *half : {"<sd_cpp_extra", "_args>"}) {
        for (int i = 0; i < 20'000; ++i) {
            nested += half;
        }
    }
    Params params;
    params[Param::prompt] = std::string_view(nested);
    params[Param::seed] = int64_t{7};
    EXPECT_EQ(begin("sd-cpp-local", params).body.copy(),
              R"({"prompt":" <sd_cpp_extra_args>{\"seed\":7}</sd_cpp_extra_args>"})");
}

TEST_F(Aggregator, IsAskedForARatioAndNothingElse) {
    EXPECT_EQ(body_for("flux-kontext-pro",
                       R"({"prompt":"a","size":"1792x1024","quality":"hd","style":"vivid","seed":7,
                 "response_format":"b64_json","user":"u1"})"),
              R"({"model":"flux-kontext-pro","prompt":"a","aspect_ratio":"16:9"})");
}

// ---- servers that an operator describes

tl::expected<OpenAiVariant, std::string> described(const std::vector<std::string> &words,
                                                   const char *api = "openai") {
    OpenAiVariant variant;
    for (const OpenAiVariant &one : openai_variants()) {
        variant = one.api == api ? one : variant;
    }
    const std::vector<std::string_view> views(words.begin(), words.end());
    if (auto changed = change_variant(variant, views); !changed) {
        return tl::unexpected(changed.error());
    }
    return variant;
}

TEST(DescribedServers, HaveTheirPathHeaderAndFields) {
    const auto variant = described(
        {"path=/v2/{model}/images?v=1", "auth=X-Key", "fields=seed:random_seed,size:w+h,user:-"});
    ASSERT_TRUE(variant) << variant.error();
    EXPECT_EQ(variant->path, "/v2/{model}/images?v=1");
    EXPECT_EQ(variant->auth, "X-Key: ");
    EXPECT_EQ(variant->field(Param::seed)->name, "random_seed");
    EXPECT_EQ(variant->field(Param::size)->name, "w");
    EXPECT_EQ(variant->field(Param::size)->second, "h");
    EXPECT_EQ(variant->field(Param::user)->name, "");
    EXPECT_EQ(variant->field(Param::guidance), nullptr);
    EXPECT_EQ(described({"auth=bearer"}, "azure-openai")->auth, "Authorization: Bearer ");
}

TEST(DescribedServers, MayChangeWhatIsBuiltIn) {
    const auto together = described({"fields=guidance:guidance"}, "together");
    EXPECT_EQ(together->field(Param::guidance)->name, "guidance");
    EXPECT_EQ(together->field(Param::num_inference_steps)->name, "steps");
}

TEST(DescribedServers, EditAtThePathThatFitsTheirPath) {
    const struct {
        const char *api;
        std::vector<std::string> words;
        const char *edits;
    } kRows[] = {
        {"openai", {}, "/images/edits"},
        {"openai", {"path=/v2/images"}, "/images/edits"},
        {"openai", {"path=/a/images/generations?v=1"}, "/a/images/edits?v=1"},
        {"azure-openai",
         {"path=/deployments/{model}/images/generations?api-version=1"},
         "/deployments/{model}/images/edits?api-version=1"},
        {"openai",
         {"edits=/img/{model}/edit?v=1", "path=/images/generations"},
         "/img/{model}/edit?v=1"},
        {"openai", {"edits=/images/edits", "path=/a/images/generations"}, "/images/edits"},
        {"openai", {"edits=-", "path=/a/images/generations"}, ""},
        {"together", {"path=/v2/pictures"}, "/v2/pictures"},
        {"openrouter", {"edits=/edits"}, "/edits"},
    };
    for (const auto &row : kRows) {
        const auto variant = described(row.words, row.api);
        ASSERT_TRUE(variant) << variant.error();
        EXPECT_EQ(variant->inputs.path, row.edits) << row.api;
    }
    const std::vector<std::string_view> words = {"edits=-"};
    EXPECT_FALSE((*dialect_named("recraft")->changed(words))->takes_images());
    EXPECT_TRUE(dialect_named("recraft")->takes_images());
}

TEST_F(VllmOmni, TellsNoSeedThatIsNotSent) {
    const std::vector<std::string_view> words = {"fields=seed:-"};
    const auto own = dialect().changed(words);
    ASSERT_TRUE(own);
    provider.dialect = own->get();
    const HttpCall call = call_for("m", R"({"prompt":"a","seed":7})");
    EXPECT_FALSE(call.seed);
    EXPECT_EQ(call.body.copy(), R"({"model":"m","prompt":"a"})");
    provider.dialect = dialect_named("vllm-omni");
    EXPECT_EQ(call_for("m", R"({"prompt":"a","seed":7})").seed, 7);
}

TEST(DescribedServers, SayWhatIsWrongWithTheirDescription) {
    const struct {
        const char *word;
        const char *problem;
    } kRows[] = {
        {"path", "invalid parameter \"path\""},
        {"path=", "invalid parameter \"path=\""},
        {"colour=red", "invalid parameter \"colour=red\""},
        {"path=images", "invalid path \"images\", expected something like /images/generations"},
        {"path=/a#b", "invalid path \"/a#b\", expected something like /images/generations"},
        {"path=/{modell}",
         "invalid path \"/{modell}\", expected something like /images/generations"},
        {"path=/{model}/{model}",
         "invalid path \"/{model}/{model}\", expected something like /images/generations"},
        {"edits=images", "invalid path \"images\", expected something like /images/generations"},
        {"edits=", "invalid parameter \"edits=\""},
        {"auth=x-key:", "invalid auth \"x-key:\", expected bearer or a header's name"},
        {"fields=seed", "\"seed\" is not PARAMETER:FIELD, as in seed:random_seed"},
        {"fields=colour:c", "\"colour:c\" is not PARAMETER:FIELD, as in seed:random_seed"},
        {"fields=seed:a,,user:b", "\"\" is not PARAMETER:FIELD, as in seed:random_seed"},
        {"fields=seed:", "invalid fields \"seed:\", \"\" is no field's name"},
        {"fields=seed:a+b", "invalid fields \"seed:a+b\", \"a+b\" is no field's name"},
        {"fields=seed:a\"b", "invalid fields \"seed:a\"b\", \"a\"b\" is no field's name"},
        {"fields=size:+h", "invalid fields \"size:+h\", \"\" is no field's name"},
        {"fields=size:w+", "invalid fields \"size:w+\", expected something like size:width+height"},
    };
    for (const auto &row : kRows) {
        const auto variant = described({row.word});
        ASSERT_FALSE(variant) << row.word;
        EXPECT_EQ(variant.error(), row.problem);
    }
}

TEST(DescribedServers, AreNamedLikeTheOneTheyResemble) {
    const std::vector<std::string_view> words = {"path=/images"};
    const auto own = dialect_named("openai")->changed(words);
    ASSERT_TRUE(own);
    EXPECT_EQ((*own)->name(), "openai");
    EXPECT_FALSE(dialect_named("sandbox")->changed(words));
}

// ---- what is answered

std::optional<ProviderError> error_in(int status, std::string_view body) {
    const HttpResponse response = response_of(status, body);
    const ResponseDocument document(response.body);
    return read_openai_error(response, document.root());
}

TEST(OpenAiLikeErrors, AreReadInAnyFormThatIsAbout) {
    const struct {
        int status;
        const char *body;
        const char *code;
        const char *message;
        const char *param;
    } kRows[] = {
        {400, R"({"error":{"message":"No.","code":"c","param":"size"}})", "c", "No.", "size"},
        {402, R"({"error":{"message":"No.","code":402}})", "402", "No.", ""},
        {400, R"({"error":{"message":"No.","code":"c","inner_error":{"code":"d"}}})", "d", "No.",
         ""},
        {400, R"({"error":{"message":"No.","innererror":{"code":"d"}}})", "d", "No.", ""},
        {400, R"({"error":{"message":"No.","innererror":{"code":null}}})", "", "No.", ""},
        {400, R"({"error":{"code":400,"message":"No.","metadata":{"raw":"Why."}}})", "400",
         "No.: Why.", ""},
        {403, R"({"error":{"code":403,"message":"No.","metadata":{"reasons":["violence"]}}})",
         "content_moderated", "No.", ""},
        {400, R"({"code":"c","error":"No."})", "c", "No.", ""},
        {400, R"({"error":"No."})", "", "No.", ""},
        {500, R"({"error":"server_error","message":"No."})", "", "No.", ""},
        {400, R"({"code":"c","message":"No."})", "c", "No.", ""},
        {401, R"({"statusCode":401,"message":"No."})", "", "No.", ""},
        {401, R"("No.")", "", "No.", ""},
        {400, R"({"detail":"No."})", "", "No.", ""},
        {422, R"({"detail":[{"loc":["body","n"],"msg":"No.","type":"t"}]})", "", "No.", "n"},
    };
    for (const auto &row : kRows) {
        const auto told = error_in(row.status, row.body);
        ASSERT_TRUE(told) << row.body;
        EXPECT_EQ(told->status, row.status) << row.body;
        EXPECT_EQ(told->code, row.code) << row.body;
        EXPECT_EQ(told->message, row.message) << row.body;
        EXPECT_EQ(told->param, row.param) << row.body;
    }
}

TEST(OpenAiLikeErrors, AreNotSeenWhereThereAreNone) {
    for (const char *body : {"", "[]", "7", "null", R"("No.")", R"({"error":null,"data":[]})",
                             R"({"error":"","data":[]})", R"({"error":false})",
                             R"({"message":"ok","code":"ok"})", R"({"detail":"fine"})"}) {
        EXPECT_FALSE(error_in(200, body)) << body;
    }
    EXPECT_FALSE(error_in(500, R"({"message":7,"code":{}})"));
    EXPECT_FALSE(error_in(500, R"("")"));
}

TEST_F(Xai, TellsTheCostAlsoOfARefusal) {
    const Outcome made = dialect().read(
        response_of(200, images_json(1, R"(,"usage":{"cost_in_usd_ticks":400000000})")));
    EXPECT_EQ(made.type, OutcomeType::made);
    EXPECT_EQ(made.result.cost, 40'000);
    EXPECT_FALSE(made.result.usage);
    const Outcome refused =
        dialect().read(response_of(400, R"({"code":"imagine:content-moderated","error":"No.",
        "usage":{"cost_in_usd_ticks":900000000}})"));
    EXPECT_EQ(refused.type, OutcomeType::refused_by_policy);
    EXPECT_EQ(refused.result.cost, 90'000);
}

TEST_F(Xai, TakesNoCostThatIsNone) {
    for (const char *ticks : {"-1", "1e300", "\"4\"", "null", "{}"}) {
        EXPECT_FALSE(dialect()
                         .read(response_of(200, images_json(1, R"(,"usage":{"cost_in_usd_ticks":)" +
                                                                   std::string(ticks) + "}")))
                         .result.cost)
            << ticks;
    }
}

TEST_F(Xai, ReadsImagesThatWereWithheldAsARefusal) {
    const std::string blocked =
        R"({"b64_json":")" + std::string(kPng) + R"(","respect_moderation":false})";
    const std::string fine =
        R"({"b64_json":")" + std::string(kPng) + R"(","respect_moderation":true})";
    const Outcome none = dialect().read(response_of(200, R"({"data":[)" + blocked + "]}"));
    EXPECT_EQ(none.type, OutcomeType::refused_by_policy);
    EXPECT_TRUE(none.result.images.empty());
    const Outcome some =
        dialect().read(response_of(200, R"({"data":[)" + blocked + "," + fine + "]}"));
    EXPECT_EQ(some.type, OutcomeType::made);
    EXPECT_EQ(some.result.images.size(), 1U);
}

TEST_F(Azure, ReadsAFilterInThePlaceOfAnImageAsARefusal) {
    const auto filter = [](const char *filtered) {
        return R"("content_filter_results":{"hate":{"filtered":false},"violence":{"filtered":)" +
               std::string(filtered) + "}}";
    };
    const auto read = [&](const std::string &item) {
        return dialect().read(response_of(200, R"({"data":[{)" + item + "}]}")).type;
    };
    EXPECT_EQ(read(filter("true")), OutcomeType::refused_by_policy);
    EXPECT_EQ(read(filter("false")), OutcomeType::unknown);
    EXPECT_EQ(read(R"("b64_json":")" + std::string(kPng) + "\"," + filter("true")),
              OutcomeType::made);
}

TEST(OpenAiLikeAnswers, HaveTheirImagesInEitherList) {
    const Dialect &dialect = *dialect_named("openai");
    const std::string list = R"([{"b64_json":")" + std::string(kPng) + R"("}])";
    const auto count = [&](const std::string &body) {
        return dialect.read(response_of(200, body)).result.images.size();
    };
    EXPECT_EQ(count(R"({"images":)" + list + "}"), 1U);
    EXPECT_EQ(count(R"({"data":null,"images":)" + list + "}"), 1U);
    EXPECT_EQ(count(R"({"images":)" + list + R"(,"data":)" + list + "}"), 1U);
    EXPECT_EQ(count(R"({"images":"x"})"), 0U);
}

TEST(OpenAiLikeAnswers, TellTheSeedOfASingleImage) {
    const Dialect &dialect = *dialect_named("openai");
    const auto seed = [&](int count, const std::string &more) {
        return dialect.read(response_of(200, images_json(count, more))).result.images.front().seed;
    };
    EXPECT_EQ(seed(1, R"(,"seed":9999999999)"), 9'999'999'999);
    EXPECT_FALSE(seed(1, R"(,"seed":"7")"));
    EXPECT_FALSE(seed(1, ""));
    EXPECT_FALSE(seed(2, R"(,"seed":7)"));
}

TEST_F(OpenRouter, TellsUsageInTheWordsOfChatsAndTheCost) {
    const Outcome outcome = dialect().read(response_of(200, images_json(1, R"(,
        "usage":{"prompt_tokens":5,"completion_tokens":4175,"total_tokens":4180,"cost":0.04})")));
    ASSERT_TRUE(outcome.result.usage);
    EXPECT_EQ(outcome.result.usage->input_tokens, 5);
    EXPECT_EQ(outcome.result.usage->output_tokens, 4175);
    EXPECT_EQ(outcome.result.usage->total_tokens, 4180);
    EXPECT_EQ(outcome.result.cost, 40'000);
}

TEST_F(Recraft, TellsItsCredits) {
    EXPECT_EQ(dialect().read(response_of(200, images_json(2, R"(,"credits":80)"))).result.cost,
              80'000);
    EXPECT_FALSE(dialect().read(images(1)).result.cost);
}

}  // namespace
}  // namespace gateway
