// Errors for callers: one code for each kind of failure, x-should-retry, and messages.
#include <gtest/gtest.h>

#include "exchange_world.h"

namespace gateway {
namespace {

using T = OutcomeType;

class ToldTest : public ExchangeTest {
 protected:
    void ask_one(const char *model = "a/gpt-image-2") {
        ask(R"({"prompt":"a","model":")" + std::string(model) + "\"}");
    }
    void deliver(T type) { world.upstream.deliver(response_for(type)); }
    [[nodiscard]] std::string error(const char *member) const {
        return std::string(told.json()["error"][member].string());
    }
    [[nodiscard]] std::string retry() const { return told.header("x-should-retry"); }
};

TEST_F(ToldTest, APolicysRefusalIsTheSameWhoeverRefuses) {
    add_provider("s", {"sk"}, "stability");
    add_provider("g", {"sk"}, "google-gemini");
    add_provider("x", {"sk"}, "xai");
    const struct {
        const char *model;
        int status;
        std::string body;
        const char *word;
    } kRows[] = {
        {"a/gpt-image-2", 400, error_json("image_generation_user_error", "moderation_blocked"),
         "moderation_blocked"},
        {"a/gpt-image-2", 200, error_json("x", "content_policy_violation"),
         "content_policy_violation"},
        {"s/stable-image-core", 403,
         R"({"id":"1","name":"content_moderation","errors":["Flagged."]})", "content_moderation"},
        {"g/gemini-2.5-flash-image", 200,
         R"({"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}})", "PROHIBITED_CONTENT"},
        {"x/grok-imagine-image", 422, R"({"code":"imagine:content-moderated","error":"No."})",
         "imagine:content-moderated"},
    };
    for (const auto &row : kRows) {
        ask_one(row.model);
        world.upstream.deliver(response_of(row.status, row.body));
        EXPECT_EQ(told.status(), 400) << row.word;
        EXPECT_EQ(error("code"), "content_policy_violation") << row.word;
        EXPECT_EQ(error("type"), "image_generation_user_error") << row.word;
        EXPECT_EQ(told.json()["is_bifrost_error"].boolean(), false);
        const ReadJson json = told.json();
        EXPECT_EQ(json["extra_fields"]["attempts"].at(0)["code"].string(), row.word);
        const bool is_ours = std::string_view(row.word) == "content_policy_violation";
        EXPECT_EQ(error("message").find(row.word) == std::string::npos, is_ours)
            << error("message");
        EXPECT_EQ(retry(), "");
    }
}

TEST_F(ToldTest, AMistakeIsA400WithACodeThatThisApiHas) {
    const struct {
        int status;
        const char *type;
        const char *code;
        const char *told;
    } kRows[] = {
        {400, "image_generation_user_error", "invalid_value", "invalid_value"},
        {400, "invalid_request_error", "unknown_parameter", "unknown_parameter"},
        {422, "upstream_error", "1210", "bad_request"},
        {413, "", "", "bad_request"},
        {418, "teapot", "short_and_stout", "bad_request"},
    };
    for (const auto &row : kRows) {
        ask_one();
        world.upstream.deliver(
            response_of(row.status, error_json(row.type, row.code, "Bad.", "\"size\"")));
        EXPECT_EQ(told.status(), 400) << row.status;
        EXPECT_EQ(error("code"), row.told) << row.status;
        EXPECT_EQ(error("type"), "invalid_request_error");
        EXPECT_EQ(error("param"), "size");
        const bool is_theirs = *row.code != '\0' && std::string_view(row.code) != row.told;
        EXPECT_EQ(error("message"),
                  is_theirs ? "Bad. (" + std::string(row.code) + ")" : std::string("Bad."));
    }
}

TEST_F(ToldTest, ThrottlesAndSpentQuotasHaveOneCodeEach) {
    ask_one();
    world.upstream.deliver(response_of(429, error_json("requests", "slow_down")));
    EXPECT_EQ(told.status(), 503);
    EXPECT_EQ(error("code"), "rate_limit_exceeded");
    EXPECT_EQ(error("type"), "rate_limit_error");
    ask(R"({"prompt":"a","model":"chain"})");
    for (int i = 0; i < 3; ++i) {
        world.upstream.deliver(response_of(402, error_json("", "credit_balance_exhausted")));
    }
    EXPECT_EQ(told.status(), 502);
    EXPECT_EQ(error("code"), "insufficient_quota");
    EXPECT_EQ(error("type"), "insufficient_quota");
    EXPECT_EQ(retry(), "false");
    ask(R"({"prompt":"a","model":"chain"})");
    deliver(T::out_of_quota);
    deliver(T::broken);
    deliver(T::out_of_quota);
    EXPECT_EQ(error("code"), "all_providers_failed");
}

// ---- x-should-retry

TEST_F(ToldTest, WhatMayBeBilledIsNotToBeRepeated) {
    ask_one();
    deliver(T::unknown);
    EXPECT_EQ(told.status(), 502);
    EXPECT_EQ(retry(), "false");
    ask(R"({"prompt":"a","model":"chain"})");
    deliver(T::unknown);
    deliver(T::broken);
    deliver(T::broken);
    EXPECT_EQ(retry(), "false") << "whatever came after it";
    ask(R"({"prompt":"a","model":"chain"})");
    deliver(T::throttled);
    deliver(T::unknown);
    deliver(T::throttled);
    EXPECT_EQ(retry(), "false");
    ask_one();
    world.upstream.deliver(undelivered(TransferEnd::timed_out));
    EXPECT_EQ(told.status(), 504);
    EXPECT_EQ(retry(), "false");
    policy.deadline = Milliseconds(1'000);
    ask_one();
    world.loop.advance(Milliseconds(1'000));
    EXPECT_EQ(told.status(), 504);
    EXPECT_EQ(retry(), "false");
}

TEST_F(ToldTest, WhatWasMadeAndIsNotAnsweredWithIsNotToBeRepeated) {
    policy.fit = FitMode::strict;
    ask(R"({"prompt":"a","model":"a/gpt-image-2","n":2})");
    world.upstream.deliver(images(1));
    EXPECT_EQ(told.status(), 502);
    EXPECT_EQ(retry(), "false");
}

TEST_F(ToldTest, WhatIsSafeAndOfUseMayBeRepeated) {
    ask(R"({"prompt":"a","model":"chain"})");
    for (int i = 0; i < 3; ++i) {
        deliver(T::broken);
    }
    EXPECT_EQ(told.status(), 502);
    EXPECT_EQ(retry(), "true");
    ask_one();
    deliver(T::throttled);
    EXPECT_EQ(told.header("Retry-After"), "12");
    EXPECT_EQ(retry(), "true");
    const auto others = world.memory->open(HeldMemory::Owner{1, 2});
    others->hold(world.memory->limit());
    ask_one();
    EXPECT_EQ(error("code"), "overloaded");
    EXPECT_EQ(retry(), "true");
}

TEST_F(ToldTest, WhatIsOfNoUseIsNotToBeRepeated) {
    ask_one();
    world.upstream.deliver(
        response_of(429, error_json("requests", "slow_down"), "retry-after: 61\r\n"));
    EXPECT_EQ(told.status(), 503);
    EXPECT_EQ(retry(), "false") << "clients do not wait for so long";
    ask_one();
    deliver(T::our_credentials);
    EXPECT_EQ(told.status(), 502);
    EXPECT_EQ(retry(), "false");
}

TEST_F(ToldTest, ARateLimitOfTheCallersSaysWhetherWaitingHelps) {
    policy.keys = ring_of(key_json("k", R"("limits":{"requests_per_minute":1})"));
    const RequestHead head = as("sk-bf-k");
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})", head);
    world.upstream.deliver(images(1));
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(retry(), "") << "a success needs none";
    world.loop.advance(Milliseconds(30'000));
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})", head);
    EXPECT_EQ(told.status(), 429);
    EXPECT_EQ(retry(), "true");
    policy.keys = ring_of(key_json("d", R"("limits":{"images_per_day":1})"));
    const RequestHead other = as("sk-bf-d");
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})", other);
    world.upstream.deliver(images(1));
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})", other);
    EXPECT_EQ(told.status(), 429);
    EXPECT_EQ(retry(), "false") << "it is a new day only in hours";
}

TEST_F(ToldTest, AnErrorThatClientsDoNotRepeatByThemselvesHasNoWordOfIt) {
    ask(R"({"prompt":"a","model":"nobody/x"})");
    EXPECT_EQ(told.status(), 404);
    EXPECT_EQ(retry(), "");
    ask("{");
    EXPECT_EQ(told.status(), 400);
    EXPECT_EQ(retry(), "");
    ask_one();
    deliver(T::callers_fault);
    EXPECT_EQ(retry(), "");
}

// ---- waiting until a date

TEST_F(ToldTest, ADateToWaitForIsMeasuredByOurClockWhereTheAnswerHasNone) {
    remembers_health = true;  // 2027-01-15T08:00:00Z
    const std::string error = error_json("requests", "slow_down");
    ask_one();
    world.upstream.deliver(
        response_of(429, error, "Retry-After: Fri, 15 Jan 2027 08:00:20 GMT\r\n"));
    EXPECT_EQ(told.status(), 503);
    EXPECT_EQ(told.header("Retry-After"), "20");
    world.loop.advance(Milliseconds(19'000));
    ask_one();
    EXPECT_EQ(told.status(), 503) << "the key rests until then";
    world.loop.advance(Milliseconds(1'000));
    ask_one();
    EXPECT_EQ(told.answers, 0) << "and no longer";
    world.upstream.deliver(response_of(429, error,
                                       "Date: Fri, 15 Jan 2027 09:00:00 GMT\r\n"
                                       "Retry-After: Fri, 15 Jan 2027 09:00:07 GMT\r\n"));
    EXPECT_EQ(told.header("Retry-After"), "7") << "by the answer's own clock if it has one";
}

// ---- what was said

TEST_F(ToldTest, WhatAnUnknownOutcomeSaidIsInTheAttempts) {
    const auto said = [&] {
        const ReadJson json = told.json();
        return std::string(json["extra_fields"]["attempts"].at(0)["message"].string());
    };
    ask_one();
    world.upstream.deliver(undelivered(TransferEnd::lost, "Connection reset by peer"));
    EXPECT_EQ(said(), "Connection reset by peer");
    ask_one();
    world.upstream.deliver(
        response_of(502, error_json("", "", "sk-secret-a " + std::string(5'000, 'm'))));
    EXPECT_EQ(said().size(), 1024U);
    EXPECT_EQ(said().find("sk-secret-a"), std::string::npos);
    for (const T type : {T::our_credentials, T::out_of_quota, T::broken, T::callers_fault}) {
        ask_one();
        world.upstream.deliver(response_for(type, "a word about the account"));
        EXPECT_EQ(said(), "") << name_of(type);
    }
}

}  // namespace
}  // namespace gateway
