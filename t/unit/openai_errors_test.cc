// The errors that OpenAI's API reference lists: which outcome each is.
#include <gtest/gtest.h>

#include <string>

#include "core/providers/dialects/openai.h"
#include "responses.h"

namespace gateway {
namespace {

struct Row {
    int status;
    const char *type;
    const char *code;
    OutcomeType outcome;
};

constexpr Row kRows[] = {
    {400, "invalid_request_error", "unknown_parameter", OutcomeType::callers_fault},
    {400, "image_generation_user_error", "invalid_value", OutcomeType::callers_fault},
    {400, "invalid_request_error", "invalid_value", OutcomeType::callers_fault},
    {400, "invalid_request_error", "invalid_type", OutcomeType::callers_fault},
    {400, "invalid_request_error", "missing_required_parameter", OutcomeType::callers_fault},
    {400, "invalid_request_error", "string_above_max_length", OutcomeType::callers_fault},
    {400, "invalid_request_error", "integer_above_max_value", OutcomeType::callers_fault},
    {400, "image_generation_user_error", "invalid_input_fidelity_model",
     OutcomeType::callers_fault},
    {400, "image_generation_user_error", "invalid_image_file", OutcomeType::callers_fault},
    {400, "image_generation_user_error", "moderation_blocked", OutcomeType::refused_by_policy},
    {400, "invalid_request_error", "content_policy_violation", OutcomeType::refused_by_policy},
    {400, "image_generation_user_error", "content_policy_violation",
     OutcomeType::refused_by_policy},
    {400, "invalid_request_error", "billing_hard_limit_reached", OutcomeType::out_of_quota},
    {400, "image_generation_user_error", "billing_hard_limit_reached", OutcomeType::out_of_quota},
    {400, "billing_limit_user_error", "billing_hard_limit_reached", OutcomeType::out_of_quota},
    {400, "billing_limit_user_error", "", OutcomeType::out_of_quota},
    {401, "invalid_request_error", "invalid_api_key", OutcomeType::our_credentials},
    {401, "invalid_request_error", "", OutcomeType::our_credentials},
    {403, "invalid_request_error", "", OutcomeType::our_credentials},
    {403, "invalid_request_error", "unsupported_country_region_territory",
     OutcomeType::our_credentials},
    {404, "invalid_request_error", "model_not_found", OutcomeType::not_here},
    {400, "invalid_request_error", "model_not_found", OutcomeType::not_here},
    {413, "", "", OutcomeType::callers_fault},
    {429, "rate_limit_error", "rate_limit_exceeded", OutcomeType::throttled},
    {429, "requests", "rate_limit_exceeded", OutcomeType::throttled},
    {429, "tokens", "rate_limit_exceeded", OutcomeType::throttled},
    {429, "input-images", "rate_limit_exceeded", OutcomeType::throttled},
    {429, "rate_limit_error", "slow_down", OutcomeType::throttled},
    {503, "rate_limit_error", "slow_down", OutcomeType::throttled},
    {429, "insufficient_quota", "insufficient_quota", OutcomeType::out_of_quota},
    {429, "insufficient_quota", "credit_balance_exhausted", OutcomeType::out_of_quota},
    {429, "insufficient_quota", "organization_spend_limit_exceeded", OutcomeType::out_of_quota},
    {429, "insufficient_quota", "project_spend_limit_exceeded", OutcomeType::out_of_quota},
    {429, "insufficient_quota", "organization_usage_limit_exceeded", OutcomeType::out_of_quota},
    {429, "insufficient_quota", "one_they_have_yet_to_invent", OutcomeType::out_of_quota},
    {500, "server_error", "", OutcomeType::broken},
    {500, "image_generation_server_error", "image_generation_failed", OutcomeType::broken},
    {500, "image_generation_server_error", "", OutcomeType::broken},
    {503, "service_unavailable_error", "server_is_overloaded", OutcomeType::broken},
    {502, "server_error", "", OutcomeType::unknown},
    {504, "server_error", "", OutcomeType::unknown},
};

TEST(OpenAiErrors, AreClassifiedAsTheProviderDocumentSays) {
    const OpenAi dialect{openai_variants().front()};
    for (const Row &row : kRows) {
        const Outcome outcome = dialect.read(
            response_of(row.status, error_json(row.type, row.code, "Why.", "\"size\"")));
        EXPECT_EQ(outcome.type, row.outcome)
            << row.status << " " << row.type << " " << row.code << " is " << name_of(outcome.type);
        EXPECT_EQ(outcome.error.status, row.status);
        EXPECT_EQ(outcome.error.type, row.type);
        EXPECT_EQ(outcome.error.code, row.code);
        EXPECT_EQ(outcome.error.message, "Why.");
        EXPECT_EQ(outcome.error.param, "size");
        EXPECT_TRUE(outcome.result.images.empty());
    }
}

TEST(OpenAiErrors, InsideA200AreErrorsToo) {
    const OpenAi dialect{openai_variants().front()};
    const auto read = [&](const std::string &body) {
        return dialect.read(response_of(200, body)).type;
    };
    EXPECT_EQ(read(error_json("image_generation_user_error", "moderation_blocked")),
              OutcomeType::refused_by_policy);
    EXPECT_EQ(read(error_json("rate_limit_error", "rate_limit_exceeded")), OutcomeType::throttled);
    EXPECT_EQ(read(error_json("surprise", "surprise")), OutcomeType::unknown);
    EXPECT_EQ(read(images_json(1, R"(,"error":null)")), OutcomeType::made);
}

TEST(OpenAiErrors, ThatAreNotJsonAreJudgedByStatus) {
    const OpenAi dialect{openai_variants().front()};
    const struct {
        int status;
        OutcomeType outcome;
    } kBare[] = {
        {400, OutcomeType::callers_fault}, {401, OutcomeType::our_credentials},
        {413, OutcomeType::callers_fault}, {429, OutcomeType::throttled},
        {500, OutcomeType::unknown},       {502, OutcomeType::unknown},
        {503, OutcomeType::unknown},       {504, OutcomeType::unknown},
        {520, OutcomeType::unknown},       {204, OutcomeType::unknown},
    };
    for (const auto &row : kBare) {
        for (const char *body : {"", "<html>Cloudflare</html>", "{\"error\":7}", "[]"}) {
            EXPECT_EQ(dialect.read(response_of(row.status, body)).type, row.outcome)
                << row.status << " " << body;
        }
    }
}

TEST(OpenAiErrors, TellHowLongToWait) {
    const OpenAi dialect{openai_variants().front()};
    const Outcome outcome = dialect.read(
        response_of(429, error_json("rate_limit_error", "rate_limit_exceeded"),
                    "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n"
                    "retry-after-ms: 1250\r\nretry-after: 2\r\n\r\n"));
    EXPECT_EQ(outcome.retry_after, Milliseconds(1250));
    EXPECT_FALSE(dialect.read(response_for(OutcomeType::broken)).retry_after);
}

}  // namespace
}  // namespace gateway
