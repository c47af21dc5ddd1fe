// Replicate's dialect: inputs per model, and predictions in all their forms.
#include "core/providers/dialects/replicate.h"

#include <gtest/gtest.h>

#include <string>

#include "core/catalog/fit.h"
#include "core/request/decode.h"
#include "edit_world.h"
#include "fake_ports.h"
#include "read_json.h"
#include "responses.h"

namespace gateway {
namespace {

class ReplicateTest : public testing::Test {
 protected:
    ReplicateTest() {
        provider.name = "r";
        provider.dialect = &dialect;
        provider.url = "https://api.replicate.com/v1";
        provider.keys = {{"r8_secret"}};
    }
    ProviderRequest request(std::string_view model, const Params &params,
                            std::string_view trace = "") {
        return {provider, provider.keys.data(), model, params, passed, "",
                "",       std::string(trace),   random};
    }
    // What is sent for what a caller wrote, fitted to the model.
    HttpCall call_for(const char *model, const std::string &asked) {
        UnknownFields unknown;
        unknown.mode = UnknownFields::Mode::pass;
        unknown.names = {"raw", "width", "num_outputs", "go_fast"};
        const auto decoded = decode_request(asked, {unified_profile(), unknown});
        EXPECT_TRUE(decoded) << decoded.error().message;
        const auto catalogue = Catalogue::read(Catalogue::built_in());
        const auto fitted =
            fit(decoded->params, *catalogue->find("", "replicate", model), FitMode::adapt);
        EXPECT_TRUE(fitted) << fitted.error().message;
        passed.clear();
        for (const JsonValue field : decoded->passed) {
            if (!dialect.written_fields().contains(field.key())) {
                passed.push_back(field);
            }
        }
        return std::get<HttpCall>(dialect.begin(request(model, fitted->params)));
    }
    // As a prediction that has ended.
    Outcome read(const std::string &members, int status = 201) {
        return dialect.read(response_of(status, "{" + members + "}"));
    }

    Replicate dialect;
    Provider provider;
    std::vector<JsonValue> passed;
    FakeRandom random;
};

TEST_F(ReplicateTest, SendsEachModelWhatItTakes) {
    const std::string asked =
        R"({"prompt":"a \"kite\"","n":2,"seed":42,"moderation":"low","output_format":"jpeg",
            "output_compression":70,"num_inference_steps":60,"guidance":3.5,"size":"1280x720",
            "quality":"hd","background":"opaque","user":"u","style":"vivid",
            "negative_prompt":"rain"})";
    const struct {
        const char *model;
        const char *input;
    } kRows[] = {
        {"black-forest-labs/flux-schnell",
         R"({"prompt":"a \"kite\"","num_outputs":2,"aspect_ratio":"16:9","megapixels":"1",)"
         R"("output_format":"jpg","output_quality":70,"seed":42,"num_inference_steps":4,)"
         R"("disable_safety_checker":true})"},
        {"black-forest-labs/flux-dev",
         R"({"prompt":"a \"kite\"","num_outputs":2,"aspect_ratio":"16:9","megapixels":"1",)"
         R"("output_format":"jpg","output_quality":70,"seed":42,"num_inference_steps":50,)"
         R"("guidance":3.5,"disable_safety_checker":true})"},
        {"black-forest-labs/flux-1.1-pro",
         R"({"prompt":"a \"kite\"","aspect_ratio":"custom","width":1312,"height":736,)"
         R"("output_format":"jpg","output_quality":70,"seed":42,"safety_tolerance":6})"},
        {"black-forest-labs/flux-1.1-pro-ultra",
         R"({"prompt":"a \"kite\"","aspect_ratio":"16:9","output_format":"jpg",)"
         R"("safety_tolerance":6})"},
        {"black-forest-labs/flux-kontext-max",
         R"({"prompt":"a \"kite\"","aspect_ratio":"16:9","output_format":"jpg","seed":42,)"
         R"("safety_tolerance":6})"},
        {"black-forest-labs/flux-2-pro",
         R"({"prompt":"a \"kite\"","aspect_ratio":"custom","width":1312,"height":736,)"
         R"("output_format":"jpg","output_quality":70,"seed":42,"safety_tolerance":5})"},
        {"black-forest-labs/flux-2-flex",
         R"({"prompt":"a \"kite\"","aspect_ratio":"custom","width":1312,"height":736,)"
         R"("output_format":"jpg","output_quality":70,"seed":42,"steps":50,"guidance":3.5,)"
         R"("safety_tolerance":5,"prompt_upsampling":false})"},
        {"black-forest-labs/flux-2-klein-4b",
         R"({"prompt":"a \"kite\"","aspect_ratio":"16:9","output_megapixels":"1",)"
         R"("output_format":"jpg","output_quality":70,"seed":42,"disable_safety_checker":true})"},
        {"black-forest-labs/flux-3-image",
         R"({"prompt":"a \"kite\"","aspect_ratio":"16:9","resolution":"1k"})"},
        {"ideogram-ai/ideogram-v3-turbo",
         R"({"prompt":"a \"kite\"","aspect_ratio":"16:9","seed":42,"magic_prompt_option":"Off"})"},
        {"recraft-ai/recraft-v3", R"({"prompt":"a \"kite\"","aspect_ratio":"16:9"})"},
        {"openai/gpt-image-1.5",
         R"({"prompt":"a \"kite\"","number_of_images":2,"aspect_ratio":"3:2","quality":"high",)"
         R"("background":"opaque","output_format":"jpeg","output_compression":70,)"
         R"("user_id":"u","moderation":"low"})"},
        {"google/nano-banana-2", R"({"prompt":"a \"kite\"","aspect_ratio":"16:9",)"
                                 R"("resolution":"1K","output_format":"jpg"})"},
        {"bytedance/seedream-4.5", R"({"prompt":"a \"kite\"","aspect_ratio":"16:9","size":"2K"})"},
        {"somebody/something", R"({"prompt":"a \"kite\""})"},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(call_for(row.model, asked).body.copy(),
                  R"({"version":")" + std::string(row.model) + R"(","input":)" + row.input + "}")
            << row.model;
    }
}

TEST_F(ReplicateTest, SaysMegapixelsForTheSideOfTheSquare) {
    const struct {
        const char *size;
        const char *megapixels;
    } kRows[] = {{"512x512", "0.25"},
                 {"724x724", "0.5"},
                 {"1024x1024", "1"},
                 {"1448x1448", "2"},
                 {"2048x2048", "4"}};
    for (const auto &row : kRows) {
        const ReadJson body(call_for("black-forest-labs/flux-2-klein-4b",
                                     R"({"prompt":"a","size":")" + std::string(row.size) + "\"}")
                                .body.copy());
        EXPECT_EQ(body["input"]["output_megapixels"].string(), row.megapixels) << row.size;
    }
}

TEST_F(ReplicateTest, DrawsASeedWhereTheModelTakesOneAndNoneWasAsked) {
    for (const char *model :
         {"black-forest-labs/flux-schnell", "black-forest-labs/flux-2-max",
          "black-forest-labs/flux-kontext-pro", "ideogram-ai/ideogram-v3-quality"}) {
        const HttpCall call = call_for(model, R"({"prompt":"a"})");
        ASSERT_TRUE(call.seed) << model;
        EXPECT_EQ(ReadJson(call.body.copy())["input"]["seed"].integer(), call.seed) << model;
        EXPECT_NE(call_for(model, R"({"prompt":"a"})").seed, call.seed) << model;
        EXPECT_EQ(call_for(model, R"({"prompt":"a","seed":7})").seed, 7) << model;
    }
    for (const char *model : {"black-forest-labs/flux-1.1-pro-ultra", "recraft-ai/recraft-v4",
                              "black-forest-labs/flux-3-image", "somebody/something"}) {
        EXPECT_FALSE(call_for(model, R"({"prompt":"a"})").seed) << model;
    }
}

TEST_F(ReplicateTest, KnowsAModelWithItsVersionBehindItsName) {
    const HttpCall call =
        call_for("black-forest-labs/flux-2-flex:0123abcd", R"({"prompt":"a","seed":7})");
    const ReadJson body(call.body.copy());
    EXPECT_EQ(body["version"].string(), "black-forest-labs/flux-2-flex:0123abcd");
    EXPECT_EQ(body["input"]["prompt_upsampling"].boolean(), false);
}

TEST_F(ReplicateTest, PassesOnIntoTheInputWhatItDoesNotWriteItself) {
    EXPECT_EQ(call_for("somebody/something",
                       R"({"prompt":"a","raw":true,"width":7,"num_outputs":2,"go_fast":false})")
                  .body.copy(),
              R"({"version":"somebody/something","input":{"prompt":"a","raw":true,)"
              R"("go_fast":false}})");
    for (const char *field : {"prompt", "steps", "safety_tolerance", "user_id", "size"}) {
        EXPECT_TRUE(dialect.written_fields().contains(field)) << field;
    }
}

TEST_F(ReplicateTest, SendsItsKeyAndHowLongItWaits) {
    provider.timeouts.total = Milliseconds(90'500);
    Params params;
    params[Param::prompt] = std::string_view("a");
    const HttpCall call = std::get<HttpCall>(dialect.begin(request("m", params, "00-ab-cd-01")));
    EXPECT_EQ(call.url, "https://api.replicate.com/v1/predictions");
    EXPECT_EQ(call.headers, (std::vector<std::string>{
                                "Content-Type: application/json", "Accept: application/json",
                                "Authorization: Bearer r8_secret", "traceparent: 00-ab-cd-01",
                                "Prefer: wait=5", "Cancel-After: 91s"}));
    for (const auto &[total, said] :
         {std::pair(Milliseconds(100), "Cancel-After: 5s"),
          std::pair(Milliseconds(1'000'000'000), "Cancel-After: 86400s")}) {
        provider.timeouts.total = total;
        EXPECT_EQ(std::get<HttpCall>(dialect.begin(request("m", params))).headers.back(), said);
    }
}

TEST_F(ReplicateTest, PollsAndCancelsWhereThePredictionSays) {
    const Outcome outcome = read(
        R"("id":"1","status":"starting","output":null,"urls":{"get":"https://api.replicate.com/v1/predictions/1",
           "cancel":"https://api.replicate.com/v1/predictions/1/cancel"})",
        202);
    ASSERT_EQ(outcome.type, OutcomeType::pending);
    const Params params;
    const HttpCall poll = dialect.poll(request("m", params), outcome.job);
    EXPECT_EQ(poll.method, HttpMethod::get);
    EXPECT_EQ(poll.url, "https://api.replicate.com/v1/predictions/1");
    const auto cancel = dialect.cancel(request("m", params), outcome.job);
    ASSERT_TRUE(cancel);
    EXPECT_EQ(cancel->method, HttpMethod::post);
    EXPECT_EQ(cancel->url, "https://api.replicate.com/v1/predictions/1/cancel");
    EXPECT_TRUE(cancel->body.empty());
    const std::vector<std::string> kHeaders = {"Accept: application/json",
                                               "Authorization: Bearer r8_secret"};
    EXPECT_EQ(poll.headers, kHeaders);
    EXPECT_EQ(cancel->headers, kHeaders);
    Job job = outcome.job;
    job.cancel_url.clear();
    EXPECT_FALSE(dialect.cancel(request("m", params), job));
}

TEST_F(ReplicateTest, ReadsImagesInEveryForm) {
    const std::string data = R"("data:image/png;base64,)" + std::string(kPng) + "\"";
    const struct {
        std::string output;
        size_t images;
    } kRows[] = {
        {R"("https://replicate.delivery/a.webp")", 1},
        {R"(["https://replicate.delivery/a.webp","https://replicate.delivery/b.webp"])", 2},
        {R"({"image":"https://replicate.delivery/a.webp"})", 1},
        {R"({"images":["https://replicate.delivery/a.webp",null,7]})", 1},
        {R"([{"url":"https://replicate.delivery/a.webp","size":"2K"}])", 1},
        {data, 1},
        {"[" + data + "," + data + "]", 2},
    };
    for (const auto &row : kRows) {
        for (const int status : {200, 201}) {
            const Outcome outcome =
                read(R"("status":"succeeded","error":null,"output":)" + row.output, status);
            EXPECT_EQ(outcome.type, OutcomeType::made) << row.output;
            EXPECT_EQ(outcome.result.images.size(), row.images) << row.output;
            EXPECT_FALSE(outcome.result.cost);
        }
    }
}

TEST_F(ReplicateTest, TakesASuccessWithoutAnImageForUnknown) {
    for (const char *output :
         {"null", "7", "{}", "[]", "[[]]", "\"\"", "[\"a kite\"]", "true", R"({"image":null})",
          R"({"text":"https://x"})", R"("data:image/png;base64,aGVsbG8=")", R"("/relative.png")"}) {
        const Outcome outcome = read(R"("status":"succeeded","output":)" + std::string(output));
        EXPECT_EQ(outcome.type, OutcomeType::unknown) << output;
        EXPECT_TRUE(outcome.result.images.empty()) << output;
    }
    for (const char *body :
         {"", "<html>", "{}", "[]", "null", R"({"status":7})", R"({"status":"starting"})",
          R"({"status":"starting","urls":{}})", R"({"status":"processing","urls":{"get":7}})"}) {
        for (const int status : {200, 201, 202, 204}) {
            const Outcome outcome = dialect.read(response_of(status, body));
            EXPECT_EQ(outcome.type, OutcomeType::unknown) << status << body;
            EXPECT_EQ(outcome.error.code, "unreadable_answer") << status << body;
        }
    }
    HttpResponse huge = response_of(200, R"({"status":"succeeded","output":"https://x"})");
    huge.body.outline_too_large = true;
    EXPECT_EQ(dialect.read(huge).type, OutcomeType::unknown);
}

TEST_F(ReplicateTest, ReadsWhyAPredictionFailed) {
    const struct {
        const char *members;
        OutcomeType type;
        const char *code;
        const char *message;
    } kRows[] = {
        {R"-("status":"failed","error":"NSFW content detected. Try another.")-",
         OutcomeType::refused_by_policy, "", "NSFW content detected. Try another."},
        {R"-("status":"failed","error":"It was Flagged as Sensitive. (E005)")-",
         OutcomeType::refused_by_policy, "E005", "It was Flagged as Sensitive. (E005)"},
        {R"-("status":"failed","error":"No. (E005)")-", OutcomeType::refused_by_policy, "E005",
         "No. (E005)"},
        {R"-("status":"failed","error":"Request Moderated")-", OutcomeType::refused_by_policy, "",
         "Request Moderated"},
        {R"-("status":"FAILED","error":"Content Moderated")-", OutcomeType::refused_by_policy, "",
         "Content Moderated"},
        {R"-("status":"failed","error":"Out of memory (E1001).")-", OutcomeType::broken, "E1001",
         "Out of memory (E1001)."},
        {R"-("status":"failed","error":"Interrupted; please retry (code: PA)")-",
         OutcomeType::broken, "PA", "Interrupted; please retry (code: PA)"},
        {R"-("status":"failed","error":"Bad (and not a code)")-", OutcomeType::broken, "",
         "Bad (and not a code)"},
        {R"-("status":"failed","error":")(")-", OutcomeType::broken, "", ")("},
        {R"-("status":"failed","error":null)-", OutcomeType::broken, "",
         "the prediction ended with the status failed"},
        {R"-("status":"failed","error":{"a":1})-", OutcomeType::broken, "",
         "the prediction ended with the status failed"},
        {R"-("status":"aborted")-", OutcomeType::broken, "",
         "the prediction ended with the status aborted"},
        {R"-("status":"canceled")-", OutcomeType::unknown, "",
         "the prediction ended with the status canceled"},
    };
    for (const auto &row : kRows) {
        const Outcome outcome = read(row.members);
        EXPECT_EQ(outcome.type, row.type) << row.members;
        EXPECT_EQ(outcome.error.code, row.code) << row.members;
        EXPECT_EQ(outcome.error.message, row.message) << row.members;
    }
}

TEST_F(ReplicateTest, ReadsErrors) {
    const struct {
        int status;
        const char *body;
        OutcomeType type;
        const char *message;
        const char *param;
    } kRows[] = {
        {400, R"({"title":"Bad","detail":"No JSON","status":400})", OutcomeType::callers_fault,
         "No JSON", ""},
        {401, R"({"title":"Unauthenticated","detail":"No token"})", OutcomeType::our_credentials,
         "No token", ""},
        {402, R"({"title":"Insufficient credit"})", OutcomeType::out_of_quota,
         "Insufficient credit", ""},
        {403, R"({"detail":"No access"})", OutcomeType::our_credentials, "No access", ""},
        {404, R"({"detail":"Not found","status":404})", OutcomeType::not_here, "Not found", ""},
        {422, R"({"detail":"- input.seed: x","invalid_fields":[{"field":"input.seed"}]})",
         OutcomeType::callers_fault, "- input.seed: x", "seed"},
        {422, R"({"detail":"- version: x","invalid_fields":[{"field":"version"}]})",
         OutcomeType::callers_fault, "- version: x", "version"},
        {422,
         R"-({"title":"Invalid version","detail":"The specified version does not exist (…)"})-",
         OutcomeType::not_here, "The specified version does not exist (…)", ""},
        {500, R"({"detail":"Oh"})", OutcomeType::broken, "Oh", ""},
        {503, R"({"detail":"Oh"})", OutcomeType::broken, "Oh", ""},
        {500, R"({"status":"succeeded","output":"https://x"})", OutcomeType::unknown,
         "status 500 without a readable error message", ""},
        {502, "<html>", OutcomeType::unknown, "status 502 without a readable error message", ""},
    };
    for (const auto &row : kRows) {
        const Outcome outcome = dialect.read(response_of(row.status, row.body));
        EXPECT_EQ(outcome.type, row.type) << row.status << row.body;
        EXPECT_EQ(outcome.error.message, row.message) << row.status << row.body;
        EXPECT_EQ(outcome.error.param, row.param) << row.status << row.body;
    }
}

TEST_F(ReplicateTest, ReadsHowLongToWaitFromAHeaderOrTheWords) {
    const auto wait = [&](const char *detail, const char *headers) {
        return dialect
            .read(response_of(429, R"({"detail":")" + std::string(detail) + "\"}", headers))
            .retry_after;
    };
    EXPECT_EQ(wait("Your rate limit resets in ~30s.", ""), Milliseconds(30'000));
    EXPECT_EQ(wait("Your rate limit resets in ~30s.", "Retry-After: 2\r\n"), Milliseconds(2'000));
    for (const char *other :
         {"resets in ~30", "resets in ~s", "resets in ~-1s", "resets in ~99999999999999999999s",
          "resets in ~86401s", "resets in ~30m", "resets in ~", "soon"}) {
        EXPECT_FALSE(wait(other, "")) << other;
    }
}

TEST(ReplicateEdits, WriteImagesIntoTheFieldsOfEachModel) {
    EditCall edit("replicate", "https://api.replicate.com/v1");
    const std::string one = R"("data:image/jpeg;base64,MQ==")";
    const std::string two = R"("data:image/jpeg;base64,MjI=")";
    const std::string mask = R"("data:image/png;base64,bQ==")";
    const auto input = [&](const char *model, const std::string &members) {
        return R"({"version":")" + std::string(model) + R"(","input":{)" + members + "}}";
    };
    const auto check = [&](const char *model, size_t count, bool has_mask,
                           const std::string &members) {
        EXPECT_EQ(edit.body(model, count, has_mask), input(model, members));
    };
    const std::string seeded = R"("prompt":"x","seed":1,)";
    check("black-forest-labs/flux-kontext-pro", 1, false, seeded + R"("input_image":)" + one);
    check("black-forest-labs/flux-2-pro", 2, false,
          R"("prompt":"x","aspect_ratio":"match_input_image","seed":1,"input_images":[)" + one +
              "," + two + "]");
    check("black-forest-labs/flux-2-klein-4b", 1, false, seeded + R"("images":[)" + one + "]");
    check("black-forest-labs/flux-fill-pro", 1, true,
          R"("prompt":"x","image":)" + one + R"(,"mask":)" + mask);
    check("ideogram-ai/ideogram-v3-turbo", 1, true,
          R"("prompt":"x","seed":1,"magic_prompt_option":"Off","image":)" + one + R"(,"mask":)" +
              mask);
    check("ideogram-ai/ideogram-4-5", 2, true,
          R"("prompt":"x","images":[)" + one + "," + two + R"(],"mask":)" + mask);
    check("google/nano-banana-2", 1, false, R"("prompt":"x","image_input":[)" + one + "]");
    edit.has_prompt = false;
    const char *redux = "black-forest-labs/flux-redux-dev";
    EXPECT_EQ(edit.body(redux, 1, false, R"({"prompt":"x"})", Operation::variation),
              input(redux, R"("redux_image":)" + one));
}

TEST(ReplicateEdits, WriteSettingsThatOnlyEditsHave) {
    EditCall edit("replicate", "https://api.replicate.com/v1");
    const char *asked = R"({"prompt":"x","seed":1,"strength":0.5,"input_fidelity":"high"})";
    EXPECT_EQ(edit.body("black-forest-labs/flux-dev", 1, false, asked),
              R"({"version":"black-forest-labs/flux-dev","input":{"prompt":"x","seed":1,)"
              R"("prompt_strength":0.5,"image":"data:image/jpeg;base64,MQ=="}})");
    EXPECT_EQ(edit.body("openai/gpt-image-1.5", 1, false, asked),
              R"({"version":"openai/gpt-image-1.5","input":{"prompt":"x","input_fidelity":"high",)"
              R"("input_images":["data:image/jpeg;base64,MQ=="]}})");
    EXPECT_EQ(edit.body("black-forest-labs/flux-2-max", 1, false,
                        R"({"prompt":"x","seed":1,"size":"512x512"})"),
              R"({"version":"black-forest-labs/flux-2-max","input":{"prompt":"x",)"
              R"("aspect_ratio":"custom","width":512,"height":512,"seed":1,)"
              R"("input_images":["data:image/jpeg;base64,MQ=="]}})");
}

TEST(ReplicateEdits, AreNotOfferedWhereTheFieldIsNotKnown) {
    for (const char *model : {"black-forest-labs/flux-3-image", "recraft-ai/recraft-v3", "a/b"}) {
        EXPECT_FALSE(model_of("replicate", model).can(Operation::edit)) << model;
    }
}

}  // namespace
}  // namespace gateway
