// Gemini's dialect: request bodies, images, refusals, errors.
#include "core/providers/dialects/google_gemini.h"

#include <string>

#include "dialect_test.h"
#include "responses.h"

namespace gateway {
namespace {

constexpr const char *kFlash = "gemini-3.1-flash-image";

class GoogleGeminiTest : public DialectTest {
 protected:
    GoogleGeminiTest() : DialectTest("google-gemini", "https://g/v1beta") {}
    [[nodiscard]] Outcome read(int status, const std::string &body,
                               std::string headers = "") const {
        return dialect().read(response_of(status, body, std::move(headers)));
    }
};

std::string body(const std::string &prompt, const std::string &config, const std::string &more) {
    return R"({"contents":[{"role":"user","parts":[{"text":")" + prompt +
           R"("}]}],"generationConfig":{"responseModalities":["IMAGE"],)" + config + "}" + more +
           "}";
}

std::string part(const std::string &more = "") {
    return R"({"inlineData":{"mimeType":"image/png","data":")" + std::string(kPng) + "\"}" + more +
           "}";
}

std::string answer(const std::string &parts, const std::string &more = "") {
    return R"({"candidates":[{"content":{"role":"model","parts":[)" + parts +
           R"(]},"finishReason":"STOP","index":0}])" + more + "}";
}

std::string error(const std::string &status, const std::string &details = "[]",
                  const std::string &message = "Why.") {
    return R"({"error":{"code":400,"message":")" + message + R"(","status":")" + status +
           R"(","details":)" + details + "}}";
}

// ---- forth

TEST_F(GoogleGeminiTest, SendsTheFittedFieldsAndNoOthers) {
    EXPECT_EQ(body_for(kFlash, R"({"prompt":"a \"red\" kité","seed":42})"),
              body(R"(a \"red\" kité)", R"("seed":42)", ""));
    EXPECT_EQ(body_for(kFlash, R"({"prompt":"a","seed":-1,"aspect_ratio":"16:9","resolution":"2K",
                     "user":"u","quality":"high","guidance":3,"stream":false,"n":1})"),
              body("a", R"("imageConfig":{"aspectRatio":"16:9","imageSize":"2K"},"seed":-1)", ""));
    EXPECT_EQ(body_for(kFlash, R"({"prompt":"a","seed":1,"size":"512x512"})"),
              body("a", R"("imageConfig":{"aspectRatio":"1:1","imageSize":"512"},"seed":1)", ""));
    EXPECT_EQ(body_for("gemini-2.5-flash-image", R"({"prompt":"a","seed":1,"resolution":"4K"})"),
              body("a", R"("seed":1)", ""));
    EXPECT_EQ(body_for(kFlash, R"({"prompt":"a","seed":1,"lora":{"b":[1.50,null]}})"),
              body("a", R"("seed":1)", R"(,"lora":{"b":[1.50,null]})"));
}

TEST_F(GoogleGeminiTest, LowersTheFourThresholdsForLowModeration) {
    std::string settings;
    for (const char *harm :
         {"HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT"}) {
        settings += std::string(settings.empty() ? "" : ",") + R"({"category":"HARM_CATEGORY_)" +
                    harm + R"(","threshold":"BLOCK_ONLY_HIGH"})";
    }
    EXPECT_EQ(body_for(kFlash, R"({"prompt":"a","seed":1,"moderation":"low"})"),
              body("a", R"("seed":1)", R"(,"safetySettings":[)" + settings + "]"));
    EXPECT_EQ(body_for(kFlash, R"({"prompt":"a","seed":1,"moderation":"auto"})"),
              body("a", R"("seed":1)", ""));
}

TEST_F(GoogleGeminiTest, DrawsASeedWhereNoneIsAskedFor) {
    const HttpCall one = call_for(kFlash, R"({"prompt":"a"})");
    const HttpCall other = call_for(kFlash, R"({"prompt":"a"})");
    ASSERT_TRUE(one.seed && other.seed);
    EXPECT_NE(*one.seed, *other.seed);
    EXPECT_GE(*one.seed, 0);
    EXPECT_LE(*one.seed, INT32_MAX);
    EXPECT_EQ(one.body.copy(), body("a", "\"seed\":" + std::to_string(*one.seed), ""));
    EXPECT_EQ(call_for(kFlash, R"({"prompt":"a","seed":7})").seed, 7);
}

TEST_F(GoogleGeminiTest, SendsItsKeyInAHeaderAlone) {
    const HttpCall call = call_for(kFlash, R"({"prompt":"a"})");
    EXPECT_EQ(call.url, "https://g/v1beta/models/gemini-3.1-flash-image:generateContent");
    EXPECT_EQ(call.headers,
              (std::vector<std::string>{"Content-Type: application/json",
                                        "Accept: application/json", "x-goog-api-key: secret"}));
    trace = "00-ab-cd-01";
    EXPECT_EQ(call_for(kFlash, R"({"prompt":"a"})").headers.back(), "traceparent: 00-ab-cd-01");
}

TEST_F(GoogleGeminiTest, DoesNotAskForANameThatLeadsElsewhere) {
    const Params params;
    EXPECT_TRUE(std::holds_alternative<LocalWork>(dialect().begin(request("../x", params))));
    EXPECT_EQ(begin("a?key=b", params).url, "https://g/v1beta/models/a%3Fkey%3Db:generateContent");
}

TEST_F(GoogleGeminiTest, PassesNoFieldThatItWritesItself) {
    for (const char *field : {"contents", "generationConfig", "generation_config", "safetySettings",
                              "safety_settings", "prompt", "seed", "model"}) {
        EXPECT_TRUE(dialect().written_fields().contains(field)) << field;
    }
    EXPECT_FALSE(dialect().written_fields().contains("tools"));
    EXPECT_FALSE(dialect().written_fields().contains("systemInstruction"));
}

// ---- back: images

TEST_F(GoogleGeminiTest, ReadsImagesButNoDrafts) {
    const Outcome outcome =
        read(200, answer(R"({"text":"thinking","thought":true},)" + part(R"(,"thought":true)") +
                             R"(,{"text":"Here it is."},)" + part(R"(,"thoughtSignature":"c2ln")"),
                         R"(,"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":1130,
                           "totalTokenCount":1242,"thoughtsTokenCount":100,
                           "promptTokensDetails":[{"modality":"TEXT","tokenCount":8},
                             {"modality":"IMAGE","tokenCount":4}],
                           "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1120}]})"));
    ASSERT_EQ(outcome.type, OutcomeType::made);
    ASSERT_EQ(outcome.result.images.size(), 1U);
    EXPECT_EQ(outcome.result.images[0].content.copy(), kPng);
    EXPECT_EQ(outcome.result.images[0].format, ImageFormat::png);
    EXPECT_FALSE(outcome.result.cost);
    const Usage usage = *outcome.result.usage;
    EXPECT_EQ(usage.input_tokens, 12);
    EXPECT_EQ(usage.input_text_tokens, 8);
    EXPECT_EQ(usage.input_image_tokens, 4);
    EXPECT_EQ(usage.output_tokens, 1230);
    EXPECT_EQ(usage.output_image_tokens, 1120);
    EXPECT_EQ(usage.output_text_tokens, 110);
    EXPECT_EQ(usage.total_tokens, 1242);
}

TEST_F(GoogleGeminiTest, ReadsAllImagesOfAllCandidates) {
    const std::string one = R"({"content":{"parts":[)" + part() + "," + part() + "]}}";
    EXPECT_EQ(read(200, R"({"candidates":[)" + one + "," + one + "]}").result.images.size(), 4U);
}

TEST_F(GoogleGeminiTest, TakesNoSenseOfAbsurdUsage) {
    const auto usage = [&](const std::string &text) {
        return read(200, answer(part(), R"(,"usageMetadata":)" + text)).result.usage;
    };
    EXPECT_FALSE(usage("7"));
    EXPECT_FALSE(usage("{}"));
    EXPECT_FALSE(usage(R"({"candidatesTokenCount":-5})"));
    EXPECT_FALSE(usage(R"({"candidatesTokenCount":"many"})"));
    EXPECT_EQ(usage(R"({"candidatesTokenCount":9000000000})")->output_tokens, 1'000'000'000);
    const auto odd = usage(R"({"promptTokenCount":1,"candidatesTokenCount":10,
        "promptTokensDetails":[{"modality":"IMAGE","tokenCount":5}],
        "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":50},7,{}]})");
    EXPECT_EQ(odd->input_text_tokens, 0);
    EXPECT_EQ(odd->output_image_tokens, 10);
    EXPECT_EQ(odd->output_text_tokens, 0);
}

// ---- back: none

TEST_F(GoogleGeminiTest, TakesBlocksWithStatus200ForRefusals) {
    for (const char *reason : {"SAFETY", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "BLOCKLIST", "OTHER",
                               "MODEL_ARMOR", "JAILBREAK", "ONE_THEY_HAVE_YET_TO_INVENT"}) {
        const Outcome outcome =
            read(200, R"({"promptFeedback":{"blockReason":")" + std::string(reason) + "\"}}");
        EXPECT_EQ(outcome.type, OutcomeType::refused_by_policy) << reason;
        EXPECT_EQ(outcome.error.code, reason);
    }
    for (const char *reason : {"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
                               "SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION"}) {
        const Outcome outcome =
            read(200, R"({"candidates":[{"finishReason":")" + std::string(reason) +
                          R"(","finishMessage":"No."}]})");
        EXPECT_EQ(outcome.type, OutcomeType::refused_by_policy) << reason;
        EXPECT_EQ(outcome.error.message, "No.");
    }
}

TEST_F(GoogleGeminiTest, TakesAnyOtherAnswerWithoutAnImageForUnknown) {
    for (const char *document :
         {"", "<html>", "7", "[]", "null", "{}", R"({"candidates":[]})", R"({"candidates":7})",
          R"({"candidates":[null]})", R"({"candidates":[{"finishReason":"NO_IMAGE"}]})",
          R"({"candidates":[{"finishReason":"IMAGE_OTHER","content":{}}]})",
          R"({"candidates":[{"finishReason":"MAX_TOKENS","content":{"parts":[]}}]})",
          R"({"candidates":[{"finishReason":7}],"promptFeedback":{}})",
          R"({"promptFeedback":{"blockReason":null}})", R"({"error":"no"})"}) {
        const Outcome outcome = read(200, document);
        EXPECT_EQ(outcome.type, OutcomeType::unknown) << document;
        EXPECT_FALSE(outcome.error.message.empty()) << document;
    }
    EXPECT_EQ(read(200, answer(part(R"(,"thought":true)"))).type, OutcomeType::unknown);
    const Outcome spoken = read(200, answer(R"({"text":"hm","thought":true},{"text":"No kite."})"));
    EXPECT_NE(spoken.error.message.find("No kite."), std::string::npos);
    EXPECT_EQ(spoken.error.message.find("hm"), std::string::npos);
    EXPECT_EQ(spoken.error.code, "unreadable_answer");
    EXPECT_EQ(read(200, R"({"candidates":[{"finishReason":"NO_IMAGE"}]})").error.code, "NO_IMAGE");
    HttpResponse huge = response_of(200, answer(part()));
    huge.body.outline_too_large = true;
    EXPECT_EQ(dialect().read(huge).type, OutcomeType::unknown);
}

// ---- back: errors

TEST_F(GoogleGeminiTest, ClassifiesErrors) {
    const std::string kInvalidKey = R"([{"@type":"x"},{"reason":"API_KEY_INVALID"}])";
    const std::string kDay =
        R"([{"violations":[{"quotaId":"a"},{"quotaId":"RequestsPerDayPer"}]}])";
    const struct {
        int status;
        std::string body;
        OutcomeType outcome;
    } kRows[] = {
        {400, error("INVALID_ARGUMENT"), OutcomeType::callers_fault},
        {400, error("INVALID_ARGUMENT", kInvalidKey), OutcomeType::our_credentials},
        {400, error("FAILED_PRECONDITION"), OutcomeType::our_credentials},
        {400, error("FAILED_PRECONDITION", "[]", "enable billing"), OutcomeType::out_of_quota},
        {401, error("UNAUTHENTICATED"), OutcomeType::our_credentials},
        {403, error("PERMISSION_DENIED"), OutcomeType::our_credentials},
        {404, error("NOT_FOUND"), OutcomeType::not_here},
        {429, error("RESOURCE_EXHAUSTED"), OutcomeType::throttled},
        {429, error("RESOURCE_EXHAUSTED", kDay), OutcomeType::out_of_quota},
        {429, error("RESOURCE_EXHAUSTED", "[]", "metric: x, limit: 0, model: y"),
         OutcomeType::out_of_quota},
        {429, error("RESOURCE_EXHAUSTED", "[]", "metric: x, limit: 0.5, model: y"),
         OutcomeType::throttled},
        {499, error("CANCELLED"), OutcomeType::unknown},
        {500, error("INTERNAL"), OutcomeType::broken},
        {503, error("UNAVAILABLE"), OutcomeType::broken},
        {504, error("DEADLINE_EXCEEDED"), OutcomeType::unknown},
        {200, error("RESOURCE_EXHAUSTED"), OutcomeType::throttled},
        {500, "<html>", OutcomeType::unknown},
        {502, "", OutcomeType::unknown},
        {400, R"({"error":7})", OutcomeType::callers_fault},
        {404, R"({"error":{"status":7,"details":{"a":1},"message":[]}})", OutcomeType::not_here},
    };
    for (const auto &row : kRows) {
        const Outcome outcome = read(row.status, row.body);
        EXPECT_EQ(outcome.type, row.outcome) << row.status << " " << row.body;
        EXPECT_EQ(outcome.error.status, row.status);
    }
}

TEST_F(GoogleGeminiTest, KeepsWhatAnErrorSays) {
    const Outcome outcome = read(
        400,
        error("INVALID_ARGUMENT",
              R"([{"reason":"ODD"},{"fieldViolations":[{"field":"a.b","description":"d"}]}])"));
    EXPECT_EQ(outcome.error.type, "INVALID_ARGUMENT");
    EXPECT_EQ(outcome.error.code, "ODD");
    EXPECT_EQ(outcome.error.param, "a.b");
    EXPECT_EQ(outcome.error.message, "Why.");
}

TEST_F(GoogleGeminiTest, ReadsHowLongToWait) {
    const auto wait = [&](const std::string &delay, std::string headers = "") {
        const Outcome outcome =
            read(429, error("RESOURCE_EXHAUSTED", R"([{"retryDelay":")" + delay + "\"}]"),
                 std::move(headers));
        return outcome.retry_after.value_or(Milliseconds(-1)).count();
    };
    EXPECT_EQ(wait("10.1s"), 10'100);
    EXPECT_EQ(wait("0s"), 0);
    EXPECT_EQ(wait("1e99s"), 86'400'000);
    for (const char *odd : {"", "s", "10", "10 s", "-1s", "nans", "infs", "1ms", "0x1s"}) {
        EXPECT_EQ(wait(odd), -1) << odd;
    }
    EXPECT_EQ(wait("10s", "retry-after: 3\r\n"), 3'000) << "the header is for everybody";
}

}  // namespace
}  // namespace gateway
