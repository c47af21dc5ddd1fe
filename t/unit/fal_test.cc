// fal's dialects: inputs per model, results and errors, and the URLs of the queue.
#include "core/providers/dialects/fal.h"

#include <string>

#include "dialect_test.h"
#include "edit_world.h"
#include "read_json.h"
#include "responses.h"

namespace gateway {
namespace {

class FalRunTest : public DialectTest {
 protected:
    FalRunTest() : DialectTest("fal-run", "https://fal.run") {}
    [[nodiscard]] Outcome read(int status, const std::string &body,
                               std::string headers = "") const {
        return dialect().read(response_of(status, body, std::move(headers)));
    }
};

class FalTest : public DialectTest {
 protected:
    FalTest() : DialectTest("fal", "https://queue.fal.run") {
        job.poll_url = "https://queue.fal.run/fal-ai/flux/requests/1/status";
        job.result_url = "https://queue.fal.run/fal-ai/flux/requests/1";
        job.cancel_url = "https://queue.fal.run/fal-ai/flux/requests/1/cancel";
    }
    [[nodiscard]] Outcome read_job(int status, const std::string &body,
                                   OutcomeType state = OutcomeType::made) const {
        const HttpResponse response = response_of(status, body);
        const auto document = JsonDocument::read(response.body.outline, kProvidersJson);
        return dialect().jobs()->read_job(response, document ? document->root() : JsonValue(),
                                          state);
    }

    Job job;
    Params params;
};

const std::string kImage =
    R"({"url":"https://v3.fal.media/a.png","width":1024,"height":768,"content_type":"image/png"})";

std::string problem(const std::string &type, const std::string &place) {
    return R"({"detail":[{"loc":)" + place + R"(,"msg":"Why.","type":")" + type + "\"}]}";
}

// ---- requests

TEST_F(FalRunTest, SendsTheFittedFieldsByTheirNamesHere) {
    EXPECT_EQ(body_for("fal-ai/flux/dev",
                       R"({"prompt":"a \"red\" kité","n":2,"size":"1280x720","seed":42,
                     "num_inference_steps":20,"guidance":4.5,"moderation":"low","user":"u",
                     "output_format":"png","quality":"high","lora":[1.50]})"),
              "{\"prompt\":\"a \\\"red\\\" kité\",\"num_images\":2,"
              "\"image_size\":{\"width\":1280,\"height\":720},\"output_format\":\"png\","
              "\"seed\":42,\"num_inference_steps\":20,\"guidance_scale\":4.5,"
              "\"enable_safety_checker\":false,\"lora\":[1.50]}");
    EXPECT_EQ(body_for("fal-ai/flux/dev", R"({"prompt":"a","moderation":"auto"})"),
              R"({"prompt":"a"})");
}

TEST_F(FalRunTest, KnowsWhereModelsDiffer) {
    const struct {
        const char *model;
        const char *sent;
    } kRows[] = {
        {"fal-ai/flux/schnell", R"("enable_safety_checker":false)"},
        {"fal-ai/flux-pro/v1.1", R"("safety_tolerance":"5")"},
        {"fal-ai/flux-pro/kontext/text-to-image", R"("safety_tolerance":"5")"},
        {"fal-ai/flux-2-pro", R"("safety_tolerance":"5")"},
        {"fal-ai/flux-2-flex", R"("safety_tolerance":"5","enable_prompt_expansion":false)"},
        {"fal-ai/flux-2", R"("enable_safety_checker":false,"enable_prompt_expansion":false)"},
        {"ideogram/v4.5", R"("enable_prompt_expansion":false)"},
        {"fal-ai/nano-banana-pro", R"("safety_tolerance":"5")"},
        {"blackforestlabs/flux-3/text-to-image", ""},
        {"somebody/model", ""},
    };
    for (const auto &row : kRows) {
        const std::string more = *row.sent == '\0' ? "" : std::string(",") + row.sent;
        EXPECT_EQ(body_for(row.model, R"({"prompt":"a","moderation":"low"})"),
                  R"({"prompt":"a")" + more + "}")
            << row.model;
    }
}

TEST_F(FalRunTest, SendsOtherShapesAsTheyAre) {
    EXPECT_EQ(body_for("fal-ai/flux-pro/v1.1-ultra", R"({"prompt":"a","size":"1680x720"})"),
              R"({"prompt":"a","aspect_ratio":"21:9"})");
    EXPECT_EQ(body_for("fal-ai/nano-banana-pro", R"({"prompt":"a","resolution":"4k"})"),
              R"({"prompt":"a","resolution":"4K"})");
    EXPECT_EQ(body_for("somebody/model", R"({"prompt":"a","size":"640x480"})"),
              R"({"prompt":"a","image_size":{"width":640,"height":480}})");
    EXPECT_EQ(body_for("somebody/model", R"({"prompt":"a","size":"auto"})"), R"({"prompt":"a"})");
}

TEST_F(FalRunTest, SendsItsKeyInAHeaderAlone) {
    const HttpCall call = call_for("fal-ai/flux/dev", R"({"prompt":"a"})");
    EXPECT_EQ(call.method, HttpMethod::post);
    EXPECT_EQ(call.url, "https://fal.run/fal-ai/flux/dev");
    EXPECT_EQ(call.headers,
              (std::vector<std::string>{"Content-Type: application/json",
                                        "Accept: application/json", "Authorization: Key secret"}));
    EXPECT_FALSE(call.seed) << "fal tells the seed it drew";
    EXPECT_TRUE(std::holds_alternative<LocalWork>(dialect().begin(request("a/../b", Params()))));
}

TEST_F(FalRunTest, PassesNoFieldThatItWritesItself) {
    for (const char *field : {"prompt", "n", "num_images", "image_size", "guidance_scale",
                              "safety_tolerance", "enable_safety_checker", "model"}) {
        EXPECT_TRUE(dialect().written_fields().contains(field)) << field;
    }
    EXPECT_FALSE(dialect().written_fields().contains("acceleration"));
    EXPECT_FALSE(dialect().written_fields().contains("loras"));
}

// ---- results

TEST_F(FalRunTest, ReadsAResult) {
    const Outcome outcome =
        read(200, R"({"images":[)" + kImage + "," + kImage +
                      R"(],"seed":42,"has_nsfw_concepts":[false,false],"prompt":"a"})");
    ASSERT_EQ(outcome.type, OutcomeType::made);
    ASSERT_EQ(outcome.result.images.size(), 2U);
    const Image &image = outcome.result.images[1];
    EXPECT_EQ(image.form, Image::Form::url);
    EXPECT_EQ(image.content.copy(), "https://v3.fal.media/a.png");
    EXPECT_EQ(image.seed, 42);
    EXPECT_TRUE(image.revised_prompt.empty());
    EXPECT_EQ(outcome.result.size, "1024x768");
    EXPECT_EQ(outcome.result.output_format, "png");
    EXPECT_FALSE(outcome.result.cost);
    EXPECT_FALSE(outcome.result.usage);
}

TEST_F(FalRunTest, ReadsOtherFormsOfResults) {
    const Outcome one = read(200, R"({"image":)" + kImage + R"(,"seed":null})");
    ASSERT_EQ(one.type, OutcomeType::made);
    EXPECT_FALSE(one.result.images[0].seed);
    const std::string big = kPng + std::string(300'000, 'A');
    const Outcome data = read(200, R"({"images":[{"url":"data:image/png;base64,)" + big +
                                       R"(","width":null,"height":-3,"content_type":"a/b"}]})");
    ASSERT_EQ(data.type, OutcomeType::made);
    EXPECT_EQ(data.result.images[0].form, Image::Form::base64);
    EXPECT_EQ(data.result.images[0].content.copy(), big);
    EXPECT_EQ(data.result.size, "");
    EXPECT_EQ(data.result.output_format, "");
}

TEST_F(FalRunTest, TakesBlackImagesForRefusals) {
    for (const char *flags : {R"("has_nsfw_concepts":[true])", R"("has_nsfw_concepts":true)",
                              R"("nsfw_content_detected":[true])"}) {
        const Outcome outcome = read(200, R"({"images":[)" + kImage + "]," + flags + "}");
        EXPECT_EQ(outcome.type, OutcomeType::refused_by_policy) << flags;
        EXPECT_TRUE(outcome.result.images.empty());
    }
    const Outcome half =
        read(200, R"({"images":[)" + kImage + "," + kImage + R"(],"has_nsfw_concepts":[true]})");
    EXPECT_EQ(half.result.images.size(), 1U);
}

TEST_F(FalRunTest, TakesAResultWithoutAnImageForUnknown) {
    for (const char *document :
         {"", "<html>", "7", "[]", "null", "{}", R"({"images":[]})", R"({"images":"y"})",
          R"({"images":[null,7,{}]})", R"({"images":[{"url":"/x"}]})", R"({"image":[]})",
          R"({"images":[{"url":"data:image/png;base64,aGVsbG8="}],"has_nsfw_concepts":[false]})"}) {
        EXPECT_EQ(read(200, document).type, OutcomeType::unknown) << document;
    }
    HttpResponse huge = response_of(200, R"({"images":[)" + kImage + "]}");
    huge.body.outline_too_large = true;
    EXPECT_EQ(dialect().read(huge).type, OutcomeType::unknown);
}

// ---- errors

TEST_F(FalRunTest, ClassifiesErrors) {
    const auto text = [](const std::string &type) {
        return R"({"detail":"Why.","error_type":")" + type + "\"}";
    };
    const struct {
        int status;
        std::string body;
        OutcomeType outcome;
    } kRows[] = {
        {422, problem("value_error", "[]"), OutcomeType::callers_fault},
        {422, problem("content_policy_violation", "[]"), OutcomeType::refused_by_policy},
        {400, problem("downstream_service_error", "[]"), OutcomeType::broken},
        {504, problem("generation_timeout", "[]"), OutcomeType::broken},
        {400, text("bad_request"), OutcomeType::callers_fault},
        {504, text("request_timeout"), OutcomeType::broken},
        {502, text("runner_incomplete_response"), OutcomeType::broken},
        {500, text("one_they_have_yet_to_invent"), OutcomeType::broken},
        {504, text("one_they_have_yet_to_invent"), OutcomeType::unknown},
        {499, text("client_cancelled"), OutcomeType::unknown},
        {401, R"({"detail":"Cannot access application"})", OutcomeType::our_credentials},
        {403, R"({"detail":"No."})", OutcomeType::our_credentials},
        {403, R"({"detail":"User is locked. Reason: Exhausted balance."})",
         OutcomeType::out_of_quota},
        {404, R"({"detail":"Application 'x' not found"})", OutcomeType::not_here},
        {429, R"({"detail":"Slow down."})", OutcomeType::throttled},
        {500, R"({"detail":{}})", OutcomeType::unknown},
        {500, R"({"detail":[]})", OutcomeType::unknown},
        {500, "<html>", OutcomeType::unknown},
        {503, R"({"detail":[7,null,[]]})", OutcomeType::broken},
        {200, R"({"detail":"What?"})", OutcomeType::unknown},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(read(row.status, row.body).type, row.outcome) << row.status << " " << row.body;
    }
    EXPECT_EQ(read(504, R"({"detail":"Why."})", "X-Fal-Error-Type: request_timeout\r\n").type,
              OutcomeType::broken);
}

TEST_F(FalRunTest, TellsTheFieldAtFaultAsItsCallerKnowsIt) {
    const auto param = [&](const std::string &place) {
        return read(422, problem("value_error", place)).error.param;
    };
    EXPECT_EQ(param(R"(["body","image_size","width"])"), "size");
    EXPECT_EQ(param(R"(["body","num_images"])"), "n");
    EXPECT_EQ(param(R"(["body","loras",0])"), "loras");
    EXPECT_EQ(param(R"(["body"])"), "");
    EXPECT_EQ(param("7"), "");
    const Outcome two = read(422, R"({"detail":[{"type":"missing","msg":"A."},
        {"type":"content_policy_violation","msg":"B."},{"type":"missing","msg":"C."}]})");
    EXPECT_EQ(two.type, OutcomeType::refused_by_policy);
    EXPECT_EQ(two.error.message, "B.");
}

// ---- the queue

TEST_F(FalTest, TakesTheAddressesOfAJobAsTheyAreTold) {
    const Outcome outcome = dialect().read(
        response_of(200, R"({"status":"IN_QUEUE","request_id":"1","response_url":"https://r",
            "status_url":"https://s","cancel_url":"https://c","queue_position":0})"));
    ASSERT_EQ(outcome.type, OutcomeType::pending);
    EXPECT_EQ(outcome.job.poll_url, "https://s");
    EXPECT_EQ(outcome.job.result_url, "https://r");
    EXPECT_EQ(outcome.job.cancel_url, "https://c");
    for (const char *document : {"", "7", "{}", R"({"status_url":"https://s"})",
                                 R"({"response_url":"https://s","status_url":7})"}) {
        EXPECT_EQ(dialect().read(response_of(200, document)).type, OutcomeType::unknown)
            << document;
    }
    EXPECT_EQ(dialect().read(response_of(404, R"({"detail":"not found"})")).type,
              OutcomeType::not_here);
}

TEST_F(FalTest, KnowsTheStatesOfAJob) {
    const struct {
        const char *document;
        std::optional<OutcomeType> state;
    } kRows[] = {
        {R"({"status":"IN_QUEUE"})", OutcomeType::pending},
        {R"({"status":"IN_PROGRESS"})", OutcomeType::pending},
        {R"({"status":"COMPLETED","error":"x"})", OutcomeType::made},
        {R"({"status":"failed"})", OutcomeType::broken},
        {R"({"status":"CANCELED"})", OutcomeType::unknown},
        {R"({"detail":"x"})", std::nullopt},
    };
    for (const auto &row : kRows) {
        const ReadJson json(row.document);
        EXPECT_EQ(state_of(json.root(), dialect().jobs()->rules()), row.state) << row.document;
    }
}

TEST_F(FalTest, AsksWithItsKeyAndCancelsByPut) {
    const std::vector<std::string> kHeaders = {"Accept: application/json",
                                               "Authorization: Key secret"};
    const HttpCall poll = dialect().jobs()->poll(request("m", params), job);
    EXPECT_EQ(poll.method, HttpMethod::get);
    EXPECT_EQ(poll.url, job.poll_url);
    EXPECT_EQ(poll.headers, kHeaders);
    const HttpCall fetch = dialect().jobs()->fetch(request("m", params), job);
    EXPECT_EQ(fetch.url, job.result_url);
    EXPECT_EQ(fetch.headers, kHeaders);
    const auto cancel = dialect().jobs()->cancel(request("m", params), job);
    ASSERT_TRUE(cancel);
    EXPECT_EQ(cancel->method, HttpMethod::put);
    EXPECT_EQ(cancel->url, job.cancel_url);
    EXPECT_EQ(cancel->headers, kHeaders);
    EXPECT_TRUE(cancel->body.empty());
    job.cancel_url.clear();
    EXPECT_FALSE(dialect().jobs()->cancel(request("m", params), job));
}

TEST_F(FalTest, ReadsTheResultOfAJob) {
    EXPECT_EQ(read_job(200, R"({"images":[)" + kImage + "]}").type, OutcomeType::made);
    EXPECT_EQ(read_job(422, problem("content_policy_violation", "[]")).type,
              OutcomeType::refused_by_policy);
    EXPECT_EQ(read_job(400, R"({"detail":"Request is still in progress"})").type,
              OutcomeType::pending);
    EXPECT_EQ(read_job(404, R"({"detail":"Path /x not found"})").type, OutcomeType::not_here);
    EXPECT_EQ(read_job(404, "<html>").type, OutcomeType::unknown) << "not the model's word";
    EXPECT_EQ(read_job(200, "{}").type, OutcomeType::unknown);
}

TEST_F(FalTest, ReadsTheDocumentOfAJobThatFailed) {
    const Outcome outcome = read_job(
        200, R"({"status":"FAILED","error":"It broke.","error_type":"odd"})", OutcomeType::broken);
    EXPECT_EQ(outcome.type, OutcomeType::broken);
    EXPECT_EQ(outcome.error.message, "It broke.");
    EXPECT_EQ(outcome.error.code, "odd");
    EXPECT_EQ(read_job(200, R"({"status":"FAILED","error_type":"content_policy_violation"})",
                       OutcomeType::broken)
                  .type,
              OutcomeType::refused_by_policy);
}

TEST(FalEdits, GoToTheEndpointThatEdits) {
    EditCall edit("fal-run", "https://fal.run");
    const auto check = [&](const char *model, const std::string &endpoint, size_t count,
                           const std::string &body) {
        const HttpCall call = edit.write(model, count);
        EXPECT_EQ(call.url, "https://fal.run/" + endpoint);
        EXPECT_EQ(call.body.copy(), body);
    };
    const std::string one = R"("data:image/jpeg;base64,MQ==")";
    const std::string two = R"("data:image/jpeg;base64,MjI=")";
    const std::string seeded = R"({"prompt":"x","seed":1,)";
    for (const char *model : {"fal-ai/flux-2-pro", "fal-ai/flux-2-pro/edit"}) {
        check(model, "fal-ai/flux-2-pro/edit", 2,
              seeded + R"("image_urls":[)" + one + "," + two + "]}");
    }
    for (const char *model : {"fal-ai/flux-2", "fal-ai/flux-2/edit"}) {
        check(model, "fal-ai/flux-2/edit", 1,
              seeded + R"("enable_prompt_expansion":false,"image_urls":[)" + one + "]}");
    }
    check("fal-ai/flux-pro/kontext/text-to-image", "fal-ai/flux-pro/kontext", 1,
          seeded + R"("image_url":)" + one + "}");
    check("fal-ai/nano-banana-pro", "fal-ai/nano-banana-pro/edit", 1,
          seeded + R"("image_urls":[)" + one + "]}");
    check("fal-ai/wan-25-preview/image-to-image", "fal-ai/wan-25-preview/image-to-image", 2,
          R"({"prompt":"x","image_urls":[)" + one + "," + two + "]}");
}

TEST(FalEdits, WriteMasksStrengthsAndVariations) {
    EditCall edit("fal", "https://queue.fal.run");
    const HttpCall fill = edit.write("fal-ai/flux-pro/v1/fill", 1, true);
    EXPECT_EQ(fill.url, "https://queue.fal.run/fal-ai/flux-pro/v1/fill");
    EXPECT_EQ(fill.body.copy(),
              R"({"prompt":"x","seed":1,"image_url":"data:image/jpeg;base64,MQ==",)"
              R"("mask_url":"data:image/png;base64,bQ=="})");
    EXPECT_EQ(
        edit.body("fal-ai/flux/dev/image-to-image", 1, false, R"({"prompt":"x","strength":0.5})"),
        R"({"prompt":"x","strength":0.5,"image_url":"data:image/jpeg;base64,MQ=="})");
    edit.has_prompt = false;
    EXPECT_EQ(edit.body("fal-ai/flux-pro/v1.1/redux", 1, false, R"({"prompt":"x"})",
                        Operation::variation),
              R"({"image_url":"data:image/jpeg;base64,MQ=="})");
}

}  // namespace
}  // namespace gateway
