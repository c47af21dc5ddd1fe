// What follows each outcome at each position in a chain of candidates.
#include <gtest/gtest.h>

#include <set>

#include "exchange_world.h"

namespace gateway {
namespace {

using T = OutcomeType;

TEST_F(ExchangeTest, GoesOnOrStopsByTheTypeOfTheOutcome) {
    const struct {
        T type;
        bool goes_on;
        int told_status;  // when it is the last word
    } kRows[] = {
        {T::made, false, 200},          {T::refused_by_policy, false, 400},
        {T::callers_fault, false, 400}, {T::our_credentials, true, 502},
        {T::out_of_quota, true, 502},   {T::throttled, true, 503},
        {T::not_here, true, 404},       {T::broken, true, 502},
        {T::unknown, true, 502},
    };
    const std::string hosts[] = {"a", "b", "c"};
    struct Case {
        size_t position;
        T before;  // what those before it ended as: billed or not
    };
    const Case kCases[] = {{0, T::broken},  {1, T::broken},  {2, T::broken},
                           {1, T::unknown}, {2, T::unknown}, {2, T::throttled}};
    for (const auto &row : kRows) {
        for (const auto &[position, before] : kCases) {
            SCOPED_TRACE(std::string(name_of(row.type)) + " at " + hosts[position] + " after " +
                         std::string(name_of(before)));
            world.upstream.calls.clear();
            ask(R"({"prompt":"a","model":"chain"})");
            std::string expected_calls;
            std::string expected_list;
            for (size_t i = 0; i <= position; ++i) {
                ASSERT_EQ(told.answers, 0);
                world.upstream.deliver(response_for(i == position ? row.type : before));
                expected_calls += (i == 0 ? "" : " ") + hosts[i];
                expected_list += (i == 0 ? "" : ", ") + hosts[i] + " " +
                                 std::string(name_of(i == position ? row.type : before));
            }
            if (row.goes_on && position < 2) {
                EXPECT_EQ(asked(), expected_calls + " " + hosts[position + 1]);
                ASSERT_EQ(told.answers, 0);
                world.upstream.deliver(images(1));
                EXPECT_EQ(told.status(), 200);
                EXPECT_EQ(listed(), expected_list + ", " + hosts[position + 1] + " made");
                continue;
            }
            EXPECT_EQ(asked(), expected_calls);
            ASSERT_EQ(told.answers, 1);
            EXPECT_EQ(listed(), expected_list);
            const bool mixed = position > 0 && before != row.type &&
                               (row.type == T::throttled || row.type == T::not_here);
            EXPECT_EQ(told.status(), mixed ? 502 : row.told_status);
        }
    }
}

TEST_F(ExchangeTest, TellsTheCallerWhatTheProviderSaid) {
    ask(R"({"prompt":"a","model":"chain"})");
    world.upstream.deliver(response_of(
        400, error_json("image_generation_user_error", "invalid_value", "Bad size.", "\"size\"")));
    EXPECT_EQ(told.status(), 400);
    const ReadJson json = told.json();
    EXPECT_EQ(json["is_bifrost_error"].boolean(), false);
    EXPECT_EQ(json["error"]["type"].string(), "invalid_request_error");
    EXPECT_EQ(json["error"]["code"].string(), "invalid_value");
    EXPECT_EQ(json["error"]["message"].string(), "Bad size.");
    EXPECT_EQ(json["error"]["param"].string(), "size");
    EXPECT_EQ(json["extra_fields"]["provider"].string(), "a");
    ask(R"({"prompt":"a","model":"chain"})");
    world.upstream.deliver(response_of(200, error_json("x", "moderation_blocked", "Not this.")));
    EXPECT_EQ(told.status(), 400) << "moderation inside a 200";
    EXPECT_EQ(told.json()["error"]["code"].string(), "content_policy_violation");
    ask(R"({"prompt":"a","model":"chain"})");
    world.upstream.deliver(response_of(413, "<html>"));
    EXPECT_EQ(told.status(), 400);
    EXPECT_EQ(told.json()["error"]["code"].string(), "bad_request");
}

TEST_F(ExchangeTest, TriesEveryKeyOnlyWhereAnotherKeyMayHelp) {
    add_provider("many", {"sk-1", "sk-2", "sk-3"});
    add_alias("keys", {{"many/x"}, {"b/x"}});
    for (const T type : {T::our_credentials, T::out_of_quota, T::throttled}) {
        world.upstream.calls.clear();
        ask(R"({"prompt":"a","model":"keys"})");
        std::set<std::string> used;
        for (int i = 0; i < 3; ++i) {
            used.insert(world.upstream.calls.back()->call.headers.at(2));
            world.upstream.deliver(response_for(type));
        }
        EXPECT_EQ(used,
                  (std::set<std::string>{"Authorization: Bearer sk-1", "Authorization: Bearer sk-2",
                                         "Authorization: Bearer sk-3"}));
        EXPECT_EQ(asked(), "many many many b") << name_of(type);
    }
    for (const T type : {T::not_here, T::broken, T::unknown}) {
        world.upstream.calls.clear();
        ask(R"({"prompt":"a","model":"keys"})");
        world.upstream.deliver(response_for(type));
        EXPECT_EQ(asked(), "many b") << name_of(type);
    }
}

TEST_F(ExchangeTest, AfterUnknownAnAliasMayStop) {
    add_alias("dear", {{"a/x"}, {"b/x"}}, AfterUnknown::fail);
    ask(R"({"prompt":"a","model":"dear","fallbacks":["c/x"]})");
    world.upstream.deliver(response_for(T::throttled));
    world.upstream.deliver(response_for(T::unknown));
    EXPECT_EQ(asked(), "a b");
    EXPECT_EQ(told.status(), 502);
    EXPECT_EQ(listed(), "a throttled, b unknown");
    EXPECT_EQ(told.json()["extra_fields"]["attempts"].at(1)["billed"].string(), "unknown");
}

TEST_F(ExchangeTest, AppendsTheBodysFallbacksOnce) {
    ask(R"({"prompt":"a","model":"b/gpt-image-2","fallbacks":
            ["a:gpt-image-2",{"provider":"b","model":"gpt-image-2"},"chain","c/other"]})");
    for (int i = 0; i < 4; ++i) {
        ASSERT_EQ(told.answers, 0);
        world.upstream.deliver(response_for(T::broken));
    }
    EXPECT_EQ(asked(), "b a c c");
    EXPECT_EQ(told.status(), 502);
}

TEST_F(ExchangeTest, AllThrottledIsA503WithTheSmallestWait) {
    ask(R"({"prompt":"a","model":"chain"})");
    const std::string error = error_json("rate_limit_error", "rate_limit_exceeded");
    world.upstream.deliver(response_of(429, error, "retry-after: 30\r\n"));
    world.upstream.deliver(response_of(429, error, "retry-after-ms: 4100\r\n"));
    world.upstream.deliver(response_of(429, error));
    EXPECT_EQ(told.status(), 503);
    EXPECT_EQ(told.header("Retry-After"), "5");
    EXPECT_EQ(told.json()["error"]["code"].string(), "rate_limit_exceeded");
    ask(R"({"prompt":"a","model":"a/x"})");
    world.upstream.deliver(response_of(429, error, "retry-after: 0\r\n"));
    EXPECT_EQ(told.header("Retry-After"), "1");
}

TEST_F(ExchangeTest, NobodyOfferingTheModelIsA404) {
    ask(R"({"prompt":"a","model":"chain"})");
    for (int i = 0; i < 3; ++i) {
        world.upstream.deliver(response_for(T::not_here));
    }
    EXPECT_EQ(told.status(), 404);
    EXPECT_EQ(told.json()["error"]["code"].string(), "model_not_found");
    EXPECT_EQ(told.json()["error"]["param"].string(), "model");
}

TEST_F(ExchangeTest, NoConnectionLeftIsA503) {
    ask(R"({"prompt":"a","model":"chain"})");
    for (int i = 0; i < 3; ++i) {
        world.upstream.deliver(undelivered(TransferEnd::no_connection));
    }
    EXPECT_EQ(told.status(), 503);
    EXPECT_EQ(told.header("Retry-After"), "1");
    EXPECT_EQ(asked(), "a b c");
}

TEST_F(ExchangeTest, NeverShowsTheCallerOurOwnCredentialTroubleAs401) {
    ask(R"({"prompt":"a","model":"chain"})");
    for (int i = 0; i < 3; ++i) {
        world.upstream.deliver(response_for(T::our_credentials));
    }
    EXPECT_EQ(told.status(), 502);
    EXPECT_EQ(told.header("WWW-Authenticate"), "");
    EXPECT_EQ(world.log.lines.at(0).first, LogLevel::error);
}

}  // namespace
}  // namespace gateway
