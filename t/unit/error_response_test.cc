// How a provider's response, or a missing response, becomes a typed outcome.
#include "core/providers/error_response.h"

#include <gtest/gtest.h>

#include "read_json.h"
#include "responses.h"

namespace gateway {
namespace {

constexpr ErrorRule kRules[] = {
    {ErrorRule::code, "odd_code", OutcomeType::refused_by_policy},
    {ErrorRule::code, "17", OutcomeType::not_here},
    {ErrorRule::type, "odd_type", OutcomeType::out_of_quota},
};

Outcome read(int status, const std::string &error, const std::string &headers = "") {
    const ReadJson json(error);
    return read_error(response_of(status, "", headers), json.root(), kRules);
}

TEST(ErrorReply, IsJudgedByStatusWhereNoRuleSaysOtherwise) {
    const struct {
        int status;
        OutcomeType with_envelope;
        OutcomeType without;
    } kRows[] = {
        {200, OutcomeType::unknown, OutcomeType::unknown},
        {302, OutcomeType::unknown, OutcomeType::unknown},
        {400, OutcomeType::callers_fault, OutcomeType::callers_fault},
        {401, OutcomeType::our_credentials, OutcomeType::our_credentials},
        {402, OutcomeType::out_of_quota, OutcomeType::out_of_quota},
        {403, OutcomeType::our_credentials, OutcomeType::our_credentials},
        {404, OutcomeType::not_here, OutcomeType::not_here},
        {410, OutcomeType::not_here, OutcomeType::not_here},
        {413, OutcomeType::callers_fault, OutcomeType::callers_fault},
        {422, OutcomeType::callers_fault, OutcomeType::callers_fault},
        {429, OutcomeType::throttled, OutcomeType::throttled},
        {500, OutcomeType::broken, OutcomeType::unknown},
        {502, OutcomeType::unknown, OutcomeType::unknown},
        {503, OutcomeType::broken, OutcomeType::unknown},
        {504, OutcomeType::unknown, OutcomeType::unknown},
        {520, OutcomeType::unknown, OutcomeType::unknown},
        {524, OutcomeType::unknown, OutcomeType::unknown},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(read(row.status, R"({"message":"m"})").type, row.with_envelope) << row.status;
        const Outcome bare = read_error(response_of(row.status, "<html>"), JsonValue(), kRules);
        EXPECT_EQ(bare.type, row.without) << row.status;
        EXPECT_EQ(bare.error.status, row.status);
        EXPECT_NE(bare.error.message.find(std::to_string(row.status)), std::string::npos);
    }
}

TEST(ErrorReply, MayBeReadByTheDialectItself) {
    ProviderError told;
    told.code = "odd_code";
    told.message = "m";
    const Outcome outcome = read_error(response_of(400, "", "retry-after: 2\r\n"), told, kRules);
    EXPECT_EQ(outcome.type, OutcomeType::refused_by_policy);
    EXPECT_EQ(outcome.error.status, 400);
    EXPECT_EQ(outcome.error.message, "m");
    EXPECT_EQ(outcome.retry_after, std::chrono::milliseconds(2000));
    told.code = "";
    EXPECT_EQ(read_error(response_of(500, ""), told, kRules).type, OutcomeType::broken);
    EXPECT_EQ(read_error(response_of(500, ""), std::nullopt, kRules).type, OutcomeType::unknown);
}

TEST(ErrorReply, IsJudgedByCodeThenByTypeThenByStatus) {
    EXPECT_EQ(read(500, R"({"code":"odd_code","type":"x"})").type, OutcomeType::refused_by_policy);
    EXPECT_EQ(read(500, R"({"code":"x","type":"odd_type"})").type, OutcomeType::out_of_quota);
    EXPECT_EQ(read(500, R"({"code":"odd_code","type":"odd_type"})").type,
              OutcomeType::refused_by_policy);
    EXPECT_EQ(read(500, R"({"code":"odd_type","type":"odd_code"})").type, OutcomeType::broken);
    EXPECT_EQ(read(500, R"({"code":17})").type, OutcomeType::not_here) << "a number as code";
    EXPECT_EQ(read(500, R"({"code":null,"type":null})").type, OutcomeType::broken);
}

TEST(ErrorReply, KeepsWhatTheProviderSaid) {
    const Outcome outcome =
        read(400, R"({"message":"Bad size.","type":"user_error","param":"size","code":"invalid"})");
    EXPECT_EQ(outcome.error.message, "Bad size.");
    EXPECT_EQ(outcome.error.type, "user_error");
    EXPECT_EQ(outcome.error.param, "size");
    EXPECT_EQ(outcome.error.code, "invalid");
    // Whole, so that a secret in it is found whole; redact() shortens it.
    EXPECT_EQ(read(400, R"({"message":")" + std::string(5000, 'm') + "\"}").error.message.size(),
              5000U);
    EXPECT_EQ(read(400, R"({"message":{"deep":1},"code":[]})").error.message, "");
}

TEST(ErrorReply, ReadsHowLongToWait) {
    const struct {
        const char *headers;
        int64_t milliseconds;  // -1: it does not say
    } kRows[] = {
        {"", -1},
        {"Retry-After: 12\r\n", 12'000},
        {"retry-after:12", 12'000},
        {"Retry-After: 0\r\n", 0},
        {"Retry-After: 1.5\r\n", 1'500},
        {"Retry-After-Ms: 250\r\nRetry-After: 12\r\n", 250},
        {"Retry-After: 12\r\nRetry-After-Ms: 250\r\n", 250},
        {"Retry-After-Ms: soon\r\nRetry-After: 3\r\n", 3'000},
        {"Retry-After: -5\r\n", -1},
        {"Retry-After: soon\r\n", -1},
        {"Retry-After: 5 s\r\n", -1},
        {"Retry-After: nan\r\n", -1},
        {"Retry-After: inf\r\n", -1},
        {"Retry-After: 99999999999999999999\r\n", 86'400'000},
        {"Retry-After: 1e30\r\n", 86'400'000},
        // A date is relative to a clock that is not ours: better no wait than a wrong one.
        {"Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n", -1},
    };
    for (const auto &row : kRows) {
        const Outcome outcome = read(429, "{}", row.headers);
        EXPECT_EQ(outcome.retry_after ? outcome.retry_after->count() : -1, row.milliseconds)
            << row.headers;
    }
}

TEST(ErrorReply, IsJudgedByItsMessageWhereThereAreNoCodes) {
    constexpr ErrorRule kByMessage[] = {
        {ErrorRule::message, "bad key", OutcomeType::our_credentials},
        {ErrorRule::code, "odd_code", OutcomeType::not_here},
    };
    const auto type_of = [&](const char *message, const char *code = "") {
        const ProviderError error{422, "", code, message, ""};
        const ErrorRule *rule = find_rule(error, kByMessage);
        return rule == nullptr ? OutcomeType::unknown : rule->outcome;
    };
    EXPECT_EQ(type_of("That is a Bad Key, sorry."), OutcomeType::our_credentials);
    EXPECT_EQ(type_of("BAD KEY"), OutcomeType::our_credentials);
    EXPECT_EQ(type_of("bad  key"), OutcomeType::unknown);
    EXPECT_EQ(type_of(""), OutcomeType::unknown);
    EXPECT_EQ(type_of("BAD KEY", "odd_code"), OutcomeType::not_here) << "a code says more";
    EXPECT_EQ(find_rule({}, kByMessage), nullptr);
}

TEST(DetailError, IsReadInEachOfItsForms) {
    const struct {
        const char *body;
        OutcomeType type;  // beside status 500
        const char *message;
        const char *param;
        const char *kind;
    } kRows[] = {
        {R"({"detail":"No."})", OutcomeType::broken, "No.", "", ""},
        {R"({"detail":[{"loc":["body","width"],"msg":"Too wide","type":"less_than"}]})",
         OutcomeType::broken, "Too wide", "width", "less_than"},
        {R"({"detail":[{"loc":["body","images",3,"url"],"msg":"A"},{"loc":["body","b"],"msg":"B"}]})",
         OutcomeType::broken, "A; B", "url", ""},
        {R"({"detail":"D","title":"T","message":"M","error":"E"})", OutcomeType::broken, "D", "",
         ""},
        {R"({"title":"T","error":"E"})", OutcomeType::broken, "T", "", ""},
        {R"({"error":"E","message":"M"})", OutcomeType::broken, "M", "", ""},
        {R"({"error":"E"})", OutcomeType::broken, "E", "", ""},
        {R"({"detail":"Odd One"})", OutcomeType::refused_by_policy, "Odd One", "", ""},
        {R"({"detail":[7,null,{"msg":8}]})", OutcomeType::broken, "8", "", ""},
        {R"({"detail":{"loc":"x"}})", OutcomeType::unknown,
         "status 500 without a readable error message", "", ""},
        {"[]", OutcomeType::unknown, "status 500 without a readable error message", "", ""},
    };
    constexpr ErrorRule kByMessage[] = {
        {ErrorRule::message, "odd one", OutcomeType::refused_by_policy}};
    for (const auto &row : kRows) {
        const ReadJson json(row.body);
        const Outcome outcome =
            read_detail_error(response_of(500, "", "Retry-After: 2\r\n"), json.root(), kByMessage);
        EXPECT_EQ(outcome.type, row.type) << row.body;
        EXPECT_EQ(outcome.error.message, row.message) << row.body;
        EXPECT_EQ(outcome.error.param, row.param) << row.body;
        EXPECT_EQ(outcome.error.type, row.kind) << row.body;
        EXPECT_EQ(outcome.error.status, 500);
        EXPECT_EQ(outcome.retry_after, std::chrono::seconds(2));
    }
}

TEST(JudgeTransferEnd, DependsOnWhetherTheRequestLeftWhole) {
    const struct {
        TransferEnd end;
        OutcomeType type;
        std::string_view code;
    } kRows[] = {
        {TransferEnd::not_sent, OutcomeType::broken, "not_sent"},
        {TransferEnd::no_connection, OutcomeType::broken, kNoConnectionCode},
        {TransferEnd::lost, OutcomeType::unknown, "connection_lost"},
        {TransferEnd::timed_out, OutcomeType::unknown, "timed_out"},
        {TransferEnd::too_large, OutcomeType::unknown, "answer_too_large"},
    };
    for (const auto &row : kRows) {
        const Outcome outcome = judge_transfer_end(undelivered(row.end, "why"));
        EXPECT_EQ(outcome.type, row.type) << row.code;
        EXPECT_EQ(outcome.error.code, row.code);
        EXPECT_EQ(outcome.error.message, "why");
        EXPECT_EQ(outcome.error.status, 0);
        EXPECT_FALSE(outcome.retry_after);
    }
}

}  // namespace
}  // namespace gateway
