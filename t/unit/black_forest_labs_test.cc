// Black Forest Labs' dialect: request bodies per model, jobs, links, refusals, errors.
#include "core/providers/dialects/black_forest_labs.h"

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

class BlackForestLabsTest : public testing::Test {
 protected:
    BlackForestLabsTest() {
        provider.name = "flux";
        provider.dialect = &dialect;
        provider.url = "https://api.bfl.ai/v1";
        provider.keys = {{"bfl-secret"}};
    }
    HttpCall begin(const char *model, const Params &params, std::string_view trace = "") {
        return std::get<HttpCall>(dialect.begin({provider, provider.keys.data(), model, params,
                                                 passed, "", "", std::string(trace), random}));
    }
    // What is sent for what a caller wrote, fitted to the model.
    HttpCall call_for(const char *model, const std::string &asked) {
        UnknownFields unknown;
        unknown.mode = UnknownFields::Mode::pass;
        unknown.names = {"raw", "width", "webhook_url", "grounding"};
        const auto request = decode_request(asked, {unified_profile(), unknown});
        EXPECT_TRUE(request) << request.error().message;
        const auto catalogue = Catalogue::read(Catalogue::built_in());
        const auto fitted =
            fit(request->params, *catalogue->find("", "black-forest-labs", model), FitMode::adapt);
        EXPECT_TRUE(fitted) << fitted.error().message;
        passed.clear();
        for (const JsonValue field : request->passed) {
            if (!dialect.written_fields().contains(field.key())) {
                passed.push_back(field);
            }
        }
        return begin(model, fitted->params);
    }
    std::string body_for(const char *model, const std::string &asked) {
        return call_for(model, asked).body.copy();
    }
    Outcome read_job(const std::string &document, OutcomeType state, int status = 200) {
        const HttpResponse response = response_of(status, document);
        const auto read =
            JsonDocument::read(response.body.outline, kProvidersJson, &response.body.strings);
        EXPECT_TRUE(read);
        return dialect.read_job(response, read->root(), state);
    }

    BlackForestLabs dialect;
    Provider provider;
    std::vector<JsonValue> passed;
    FakeRandom random;
};

TEST_F(BlackForestLabsTest, SendsEachModelWhatItTakes) {
    const std::string asked =
        R"({"prompt":"a \"kite\"","n":1,"seed":42,"moderation":"low","output_format":"webp",
            "num_inference_steps":60,"guidance":3.5,"size":"1280x720","quality":"hd","style":"vivid",
            "negative_prompt":"rain","user":"u","background":"transparent"})";
    const struct {
        const char *model;
        const char *body;
    } kRows[] = {
        {"flux-3-image", R"({"prompt":"a \"kite\"","aspect_ratio":"16:9","resolution":"1k",)"
                         R"("safety_tolerance":4,"grounding":false})"},
        {"flux-2-pro", R"({"prompt":"a \"kite\"","width":1280,"height":720,"output_format":"webp",)"
                       R"("seed":42,"safety_tolerance":5,"disable_pup":true})"},
        {"flux-2-pro-preview",
         R"({"prompt":"a \"kite\"","width":1280,"height":720,"output_format":"webp",)"
         R"("seed":42,"safety_tolerance":5,"disable_pup":true})"},
        {"flux-2-max", R"({"prompt":"a \"kite\"","width":1280,"height":720,"output_format":"webp",)"
                       R"("seed":42,"safety_tolerance":5,"disable_pup":true})"},
        {"flux-2-flex", R"({"prompt":"a \"kite\"","width":1280,"height":720,)"
                        R"("output_format":"webp","seed":42,"steps":50,"guidance":3.5,)"
                        R"("safety_tolerance":5,"prompt_upsampling":false})"},
        {"flux-2-klein-4b", R"({"prompt":"a \"kite\"","width":1280,"height":720,)"
                            R"("output_format":"webp","seed":42,"safety_tolerance":5})"},
        {"flux-kontext-pro", R"({"prompt":"a \"kite\"","aspect_ratio":"16:9",)"
                             R"("output_format":"webp","seed":42,"safety_tolerance":6})"},
        {"flux-pro-1.1", R"({"prompt":"a \"kite\"","width":1312,"height":736,)"
                         R"("output_format":"webp","seed":42,"safety_tolerance":6})"},
        {"flux-pro-1.1-ultra", R"({"prompt":"a \"kite\"","aspect_ratio":"16:9",)"
                               R"("output_format":"webp","seed":42,"safety_tolerance":6})"},
        {"flux-dev", R"({"prompt":"a \"kite\"","width":1312,"height":736,"output_format":"webp",)"
                     R"("seed":42,"steps":50,"guidance":3.5,"safety_tolerance":6})"},
    };
    for (const auto &row : kRows) {
        const HttpCall call = call_for(row.model, asked);
        EXPECT_EQ(call.body.copy(), row.body) << row.model;
        EXPECT_EQ(call.url, "https://api.bfl.ai/v1/" + std::string(row.model));
    }
}

TEST_F(BlackForestLabsTest, LeavesToTheModelWhatNobodyAskedFor) {
    EXPECT_EQ(body_for("flux-3-image", R"({"prompt":"a"})"), R"({"prompt":"a","grounding":false})");
    const ReadJson body(
        body_for("flux-2-pro", R"({"prompt":"a","size":"auto","moderation":"auto"})"));
    EXPECT_EQ(keys_of(body.root()), "prompt seed disable_pup");
}

TEST_F(BlackForestLabsTest, DrawsASeedWhereTheModelTakesOneAndNoneWasAsked) {
    for (const char *model : {"flux-2-pro", "flux-2-klein-9b", "flux-kontext-max", "flux-pro-1.1",
                              "flux-pro-1.1-ultra", "flux-dev"}) {
        const HttpCall first = call_for(model, R"({"prompt":"a"})");
        const HttpCall second = call_for(model, R"({"prompt":"a"})");
        ASSERT_TRUE(first.seed) << model;
        EXPECT_EQ(ReadJson(first.body.copy())["seed"].integer(), first.seed) << model;
        EXPECT_NE(first.seed, second.seed) << model;
        EXPECT_GE(*first.seed, 0);
        EXPECT_LT(*first.seed, int64_t{1} << 31);
        EXPECT_EQ(call_for(model, R"({"prompt":"a","seed":7})").seed, 7);
    }
    for (const char *model : {"flux-3-image", "a-model-that-nobody-listed"}) {
        const HttpCall call = call_for(model, R"({"prompt":"a"})");
        EXPECT_FALSE(call.seed) << model;
        EXPECT_FALSE(ReadJson(call.body.copy())["seed"]) << model;
    }
}

TEST_F(BlackForestLabsTest, PassesOnWhatItDoesNotWriteItself) {
    EXPECT_EQ(body_for("flux-3-image",
                       R"({"prompt":"a","raw":true,"width":7,"grounding":true,"webhook_url":"x"})"),
              R"({"prompt":"a","grounding":false,"raw":true})");
    for (const char *field : {"prompt", "size", "steps", "disable_pup", "webhook_secret"}) {
        EXPECT_TRUE(dialect.written_fields().contains(field)) << field;
    }
}

TEST_F(BlackForestLabsTest, SendsItsKeyInAHeaderAndTheModelAsOneSegment) {
    Params params;
    params[Param::prompt] = std::string_view("a");
    const HttpCall call = begin("../credits?x=/y", params, "00-ab-cd-01");
    EXPECT_EQ(call.url, "https://api.bfl.ai/v1/..%2Fcredits%3Fx%3D%2Fy");
    EXPECT_EQ(call.headers, (std::vector<std::string>{
                                "Content-Type: application/json", "Accept: application/json",
                                "x-key: bfl-secret", "traceparent: 00-ab-cd-01"}));
    EXPECT_TRUE(std::holds_alternative<LocalWork>(
        dialect.begin({provider, provider.keys.data(), "..", params, passed, "", "", "", random})))
        << "no way up";
    Job job;
    job.poll_url = "https://api.eu2.bfl.ai/v1/get_result?id=1";
    const HttpCall poll = dialect.poll(
        {provider, provider.keys.data(), "m", params, passed, "", "", "", random}, job);
    EXPECT_EQ(poll.method, HttpMethod::get);
    EXPECT_EQ(poll.url, job.poll_url);
    EXPECT_EQ(poll.headers,
              (std::vector<std::string>{"Accept: application/json", "x-key: bfl-secret"}));
}

TEST_F(BlackForestLabsTest, ReadsAJobAndWhatItCosts) {
    const Outcome outcome = dialect.read(
        response_of(200, R"({"id":"1","polling_url":"https://api.eu2.bfl.ai/v1/get_result?id=1",
                          "cost":4.5,"input_mp":0.0,"output_mp":1.05})"));
    ASSERT_EQ(outcome.type, OutcomeType::pending);
    EXPECT_EQ(outcome.job.poll_url, "https://api.eu2.bfl.ai/v1/get_result?id=1");
    EXPECT_EQ(outcome.job.cost, 45'000);
    EXPECT_EQ(outcome.job.cancel_url, "");
    for (const char *cost : {"null", "0", "-1", "1e300", "\"3\"", "{}"}) {
        const Outcome other = dialect.read(response_of(
            200, R"({"polling_url":"https://api.bfl.ai/x","cost":)" + std::string(cost) + "}"));
        EXPECT_EQ(other.type, OutcomeType::pending) << cost;
        EXPECT_FALSE(other.job.cost) << cost;
    }
}

TEST_F(BlackForestLabsTest, TakesASubmitThatNamesNoJobForUnknown) {
    for (const char *body :
         {"", "<html>", "{}", "[]", "null", R"({"id":"1"})", R"({"polling_url":7})",
          R"({"polling_url":""})", R"({"id":"1","status":"x","webhook_url":"https://w"})"}) {
        const Outcome outcome = dialect.read(response_of(200, body));
        EXPECT_EQ(outcome.type, OutcomeType::unknown) << body;
        EXPECT_EQ(outcome.error.code, "unreadable_answer") << body;
    }
    HttpResponse huge = response_of(200, "{}");
    huge.body.outline_too_large = true;
    EXPECT_EQ(dialect.read(huge).type, OutcomeType::unknown);
}

TEST_F(BlackForestLabsTest, ReadsErrorsInEveryFormTheyHave) {
    const struct {
        int status;
        const char *body;
        OutcomeType type;
        const char *message;
        const char *param;
    } kRows[] = {
        {422,
         R"({"detail":[{"loc":["body","width"],"msg":"Not so wide","type":"multiple_of"},
            {"loc":["body","height"],"msg":"Not so high","type":"multiple_of"}]})",
         OutcomeType::callers_fault, "Not so wide; Not so high", "width"},
        {422, R"({"detail":[{"loc":["body",0],"msg":"No JSON","type":"json_invalid"}]})",
         OutcomeType::callers_fault, "No JSON", "body"},
        {422, R"({"detail":"Invalid API key format"})", OutcomeType::our_credentials,
         "Invalid API key format", ""},
        {400, R"({"error":"invalid_request","message":"Empty"})", OutcomeType::callers_fault,
         "Empty", ""},
        {400, R"({"error":"invalid_request"})", OutcomeType::callers_fault, "invalid_request", ""},
        {401, R"({"detail":"Unauthorized"})", OutcomeType::our_credentials, "Unauthorized", ""},
        {402, R"({"detail":"No credits"})", OutcomeType::out_of_quota, "No credits", ""},
        {403, R"({"detail":"Not authenticated"})", OutcomeType::our_credentials,
         "Not authenticated", ""},
        {404, R"({"detail":"Not Found"})", OutcomeType::not_here, "Not Found", ""},
        {429, R"({"detail":"Too many"})", OutcomeType::throttled, "Too many", ""},
        {500, R"({"detail":"Oh"})", OutcomeType::broken, "Oh", ""},
        {503, R"({"detail":"Oh"})", OutcomeType::broken, "Oh", ""},
        {502, R"({"detail":"Oh"})", OutcomeType::unknown, "Oh", ""},
        {500, "<html>", OutcomeType::unknown, "status 500 without a readable error message", ""},
        {503, R"({"detail":{}})", OutcomeType::unknown,
         "status 503 without a readable error message", ""},
        {302, "", OutcomeType::unknown, "status 302 without a readable error message", ""},
    };
    for (const auto &row : kRows) {
        const Outcome outcome =
            dialect.read(response_of(row.status, row.body, "Retry-After: 3\r\n"));
        EXPECT_EQ(outcome.type, row.type) << row.status << row.body;
        EXPECT_EQ(outcome.error.message, row.message) << row.status << row.body;
        EXPECT_EQ(outcome.error.param, row.param) << row.status << row.body;
        EXPECT_EQ(outcome.retry_after, Milliseconds(3'000));
    }
}

TEST_F(BlackForestLabsTest, ReadsAnImage) {
    const Outcome outcome =
        read_job(R"({"id":"1","status":"Ready","result":{"sample":"https:\/\/d.bfl.ai\/x?sig=a&b",
                     "prompt":"a kite, expanded","seed":42,"duration":4.8}})",
                 OutcomeType::made);
    ASSERT_EQ(outcome.type, OutcomeType::made);
    ASSERT_EQ(outcome.result.images.size(), 1U);
    const Image &image = outcome.result.images[0];
    EXPECT_EQ(image.form, Image::Form::url);
    EXPECT_EQ(image.content.copy(), "https://d.bfl.ai/x?sig=a&b");
    EXPECT_EQ(image.revised_prompt, "a kite, expanded");
    EXPECT_EQ(image.seed, 42);
}

TEST_F(BlackForestLabsTest, TakesADoneJobWithoutAnImageForUnknown) {
    for (const char *result : {"null", "7", "{}", "[]", R"({"sample":null})", R"({"sample":""})",
                               R"({"sample":"/x.png"})", R"({"sample":["https://x"]})"}) {
        const Outcome outcome = read_job(
            R"({"status":"Ready","result":)" + std::string(result) + "}", OutcomeType::made);
        EXPECT_EQ(outcome.type, OutcomeType::unknown) << result;
        EXPECT_TRUE(outcome.result.images.empty()) << result;
    }
}

TEST_F(BlackForestLabsTest, TellsHowAJobEndedOtherwise) {
    const PollRules &rules = dialect.rules();
    const struct {
        const char *document;
        OutcomeType type;
        const char *code;
        const char *message;
    } kRows[] = {
        {R"({"status":"Request Moderated","result":null,"details":null})",
         OutcomeType::refused_by_policy, "request_moderated", "Request Moderated"},
        {R"({"status":"Content Moderated","details":{"Moderation Reasons":["Nudity"]}})",
         OutcomeType::refused_by_policy, "content_moderated",
         R"(Content Moderated: {"Moderation Reasons":["Nudity"]})"},
        {R"({"status":"Error","details":"Lost"})", OutcomeType::broken, "error", "Error: \"Lost\""},
        {R"({"state":"Failed"})", OutcomeType::broken, "failed", "Failed"},
        {R"({"status":"Task Not Found"})", OutcomeType::unknown, "task_not_found",
         "Task Not Found"},
    };
    for (const auto &row : kRows) {
        const auto state = state_of(ReadJson(row.document).root(), rules);
        ASSERT_TRUE(state) << row.document;
        const Outcome outcome = read_job(row.document, *state, 422);
        EXPECT_EQ(outcome.type, row.type) << row.document;
        EXPECT_EQ(outcome.error.code, row.code) << row.document;
        EXPECT_EQ(outcome.error.message, row.message) << row.document;
        EXPECT_EQ(outcome.error.status, 422);
    }
    for (const char *waiting : {"Pending", "Reasoning", "Generating", "Anything"}) {
        EXPECT_EQ(state_of(ReadJson(R"({"status":")" + std::string(waiting) + "\"}").root(), rules),
                  OutcomeType::pending);
    }
}

TEST_F(BlackForestLabsTest, IsFoundByName) {
    EXPECT_EQ(dialect_named("black-forest-labs")->name(), "black-forest-labs");
    EXPECT_TRUE(dialect.needs_key());
    EXPECT_EQ(dialect.rules().own_hosts.size(), 2U);
}

TEST(BlackForestLabsEdits, WriteImagesIntoTheFieldsOfEachModel) {
    EditCall edit("black-forest-labs", "https://api.bfl.ai/v1");
    const std::string common = R"({"prompt":"x","seed":1,)";
    EXPECT_EQ(edit.body("flux-2-pro", 3),
              common + R"("disable_pup":true,"input_image":"MQ==","input_image_2":"MjI=",)" +
                  R"("input_image_3":"MzMz"})");
    EXPECT_EQ(edit.body("flux-kontext-pro", 1), common + R"("input_image":"MQ=="})");
    EXPECT_EQ(edit.body("flux-3-image", 1),
              R"({"prompt":"x","grounding":false,"images":["MQ=="]})");
    EXPECT_EQ(edit.body("flux-3-image", 2),
              R"({"prompt":"x","grounding":false,"images":["MQ==","MjI="]})");
    edit.has_prompt = false;
    const HttpCall fill = edit.write("flux-pro-1.0-fill", 1, true, R"({"prompt":"x","seed":1})");
    EXPECT_EQ(fill.url, "https://api.bfl.ai/v1/flux-pro-1.0-fill");
    EXPECT_EQ(fill.body.copy(), R"({"prompt":"","seed":1,"image":"MQ==","mask":"bQ=="})");
    EXPECT_EQ(edit.body("flux-dev", 1, false, R"({"prompt":"x","seed":1})", Operation::variation),
              R"({"prompt":"","seed":1,"image_prompt":"MQ=="})");
}

TEST(BlackForestLabsEdits, TolerateLessWhereAnImageMakesTheRangeSmaller) {
    EditCall edit("black-forest-labs", "https://api.bfl.ai/v1");
    const char *asked = R"({"prompt":"x","seed":1,"moderation":"low"})";
    EXPECT_EQ(edit.body("flux-kontext-max", 1, false, asked),
              R"({"prompt":"x","seed":1,"safety_tolerance":2,"input_image":"MQ=="})");
    EXPECT_EQ(edit.body("flux-2-klein-4b", 1, false, asked),
              R"({"prompt":"x","seed":1,"safety_tolerance":5,"input_image":"MQ=="})");
}

}  // namespace
}  // namespace gateway
