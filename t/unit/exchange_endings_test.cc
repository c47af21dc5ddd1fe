// Deadlines, clients that leave, and texts that must never appear in a reply or log.
#include <gtest/gtest.h>

#include "exchange_world.h"

namespace gateway {
namespace {

using T = OutcomeType;
using State = FakeUpstream::State;

TEST_F(ExchangeTest, AtTheDeadlineAnswersOnceAndCancels) {
    policy.deadline = Milliseconds(10'000);
    ask(R"({"prompt":"a","model":"chain"})");
    EXPECT_EQ(world.upstream.calls[0]->call.timeouts.total, Milliseconds(11'000));
    world.loop.advance(Milliseconds(4'000));
    world.upstream.deliver(response_for(T::broken));
    EXPECT_EQ(world.upstream.calls[1]->call.timeouts.total, Milliseconds(7'000));
    world.loop.advance(Milliseconds(5'999));
    EXPECT_EQ(told.answers, 0);
    world.loop.advance(Milliseconds(1));
    EXPECT_EQ(told.answers, 1);
    EXPECT_EQ(told.status(), 504);
    EXPECT_EQ(listed(), "a broken, b too_late");
    EXPECT_EQ(told.json()["extra_fields"]["attempts"].at(1)["billed"].string(), "unknown");
    EXPECT_EQ(told.json()["extra_fields"]["attempts"].at(1)["latency"].integer(), 6'000);
    EXPECT_EQ(world.upstream.calls[1]->state, State::cancelled);
    world.loop.advance(Milliseconds(100'000));
    EXPECT_EQ(told.answers, 1);
    EXPECT_EQ(exchange->outcome(), "too_late");
}

TEST_F(ExchangeTest, CurlsOwnTimeoutAtTheDeadlineIsNoOccasionForAnotherTry) {
    policy.deadline = Milliseconds(1'000);
    ask(R"({"prompt":"a","model":"chain"})");
    world.clock.set(Milliseconds(1'000));
    world.upstream.deliver(undelivered(TransferEnd::timed_out));
    EXPECT_EQ(asked(), "a");
    EXPECT_EQ(told.answers, 0);
    world.loop.advance(Milliseconds(0));
    EXPECT_EQ(told.status(), 504);
    EXPECT_EQ(listed(), "a unknown");
}

TEST_F(ExchangeTest, ADeadlineThatPassedWhileTheBodyCameIsA504) {
    policy.deadline = Milliseconds(1'000);
    open();
    world.loop.advance(Milliseconds(1'500));
    run(R"({"prompt":"a","model":"chain"})");
    world.loop.advance(Milliseconds(0));
    EXPECT_EQ(told.status(), 504);
    EXPECT_EQ(asked(), "");
}

TEST_F(ExchangeTest, TheCallerMayNarrowTheDeadlineOnly) {
    const struct {
        const char *header;
        int64_t milliseconds;  // 0: refused
    } kRows[] = {{"1", 1'000},    {"5", 5'000}, {"10", 10'000}, {"11", 10'000},
                 {"600", 10'000}, {"0", 0},     {"-1", 0},      {"1.5", 0},
                 {"5s", 0},       {" 5", 0},    {"five", 0},    {"9000000000000000000", 10'000}};
    policy.deadline = Milliseconds(10'000);
    for (const auto &row : kRows) {
        RequestHead head;
        head.timeout = row.header;
        ask(R"({"prompt":"a","model":"chain"})", head);
        if (row.milliseconds == 0) {
            EXPECT_EQ(told.status(), 400) << row.header;
            EXPECT_EQ(told.json()["error"]["param"].string(), "X-Request-Timeout");
            continue;
        }
        world.loop.advance(Milliseconds(row.milliseconds - 1));
        EXPECT_EQ(told.answers, 0) << row.header;
        world.loop.advance(Milliseconds(1));
        EXPECT_EQ(told.status(), 504) << row.header;
    }
}

TEST_F(ExchangeTest, WhenTheCallerLeavesTheCallIsCancelled) {
    for (const bool destroyed : {false, true}) {
        world.upstream.calls.clear();
        ask(R"({"prompt":"a","model":"chain"})");
        world.upstream.deliver(response_for(T::broken));
        ASSERT_EQ(open_calls(), 1U);
        if (destroyed) {
            exchange.reset();
        } else {
            exchange->cancel();
            EXPECT_EQ(exchange->outcome(), "client_gone");
            ASSERT_EQ(exchange->attempts().size(), 2U) << "what has happened can still be read";
            EXPECT_EQ(exchange->attempts().back().provider, "b") << "also what was cut off";
            EXPECT_TRUE(exchange->attempts().back().may_be_billed);
            exchange->cancel();
            EXPECT_EQ(exchange->attempts().size(), 2U);
        }
        EXPECT_EQ(open_calls(), 0U);
        EXPECT_EQ(world.upstream.calls[1]->state, State::cancelled);
        EXPECT_EQ(world.loop.running(), 0U);
        world.loop.advance(Milliseconds(1'000'000));
        EXPECT_EQ(told.answers, 0);
    }
}

TEST_F(ExchangeTest, MayBeCancelledInEveryOtherStateToo) {
    exchange = std::make_unique<Exchange>(models, policy, accounts, health, world.ports);
    exchange->cancel();
    open();
    exchange->cancel();
    open();
    exchange.reset();
    ask("nonsense");
    exchange->cancel();
    EXPECT_EQ(told.answers, 1);
    ask(R"({"prompt":"a","model":"chain"})");
    world.upstream.deliver(images(1));
    exchange->cancel();
    EXPECT_EQ(exchange->outcome(), "made");
    EXPECT_EQ(told.answers, 1);
}

TEST_F(ExchangeTest, LeavingTheSandboxWhileItDrawsIsSafe) {
    add_provider("sandbox", {}, "sandbox");
    ask(R"({"prompt":"a","model":"sandbox/x","size":"16x16"})");
    world.loop.advance(Milliseconds(0));
    exchange.reset();
    world.tasks.run_all();
    EXPECT_EQ(told.answers, 0);
}

// By nginx's decision (405, 413 …) or by our own, before the body was understood.
TEST_F(ExchangeTest, ARefusalGivesTheLeaseBackAndTellsTheQuota) {
    policy.auth = AuthMode::required;
    policy.keys = ring_of(key_json("k", R"("limits":{"concurrent":1,"requests_per_minute":9})"));
    for (int i = 0; i < 3; ++i) {
        open(as("sk-bf-k"));
        ASSERT_EQ(told.answers, 0) << "the lease was not returned";
        const Answer answer = exchange->refuse(ApiError::of(413));
        EXPECT_EQ(answer.status, 413);
        EXPECT_EQ(exchange->outcome(), "refused");
        told.answer = answer;
        EXPECT_EQ(told.header("x-ratelimit-remaining-requests"), std::to_string(8 - i));
    }
}

class Secrets : public ExchangeTest {
 protected:
    // Nothing that anybody reads may hold a part of the key that would help in guessing it.
    void expect_no_secret(std::string_view secret) {
        EXPECT_FALSE(world.log.mentions(secret)) << testing::PrintToString(world.log.lines);
        if (told.answer) {
            EXPECT_EQ(told.answer->body.copy().find(secret), std::string::npos)
                << told.answer->body.copy();
        }
    }
};

TEST_F(Secrets, AreInNoLogAndNoAnswerWhereverTheProviderEchoesThem) {
    const std::string secret = "sk-secret-a";
    for (const T type : {T::callers_fault, T::refused_by_policy, T::our_credentials,
                         T::out_of_quota, T::throttled, T::not_here, T::broken, T::unknown}) {
        SCOPED_TRACE(name_of(type));
        world.log.lines.clear();
        ask(R"({"prompt":"a","model":"a/x"})");
        world.upstream.deliver(response_for(type, "Incorrect key: " + secret + ". Try another."));
        EXPECT_EQ(told.answers, 1);
        EXPECT_EQ(world.log.lines.size(), 1U);
        expect_no_secret(secret);
    }
}

TEST_F(Secrets, AreInNoCodeTypeOrParamEither) {
    const std::string secret = "sk-secret-a";
    const struct {
        const char *type;
        const char *code;
        const char *param;
    } kRows[] = {{"x", "bad:sk-secret-a", "null"},
                 {"bad:sk-secret-a", "x", "null"},
                 {"x", "y", "\"sk-secret-a\""}};
    for (const auto &row : kRows) {
        for (const int status : {400, 401, 429, 500}) {
            SCOPED_TRACE(status);
            ask(R"({"prompt":"a","model":"a/x"})");
            world.upstream.deliver(
                response_of(status, error_json(row.type, row.code, "No.", row.param)));
            expect_no_secret(secret);
        }
    }
    ask(R"({"prompt":"a","model":"chain"})");
    world.upstream.deliver(response_of(500, error_json("x", "bad:sk-secret-a")));
    world.upstream.deliver(images(1));
    ASSERT_EQ(told.status(), 200);
    expect_no_secret(secret);
}

TEST_F(Secrets, AreNotCutInHalfAndThenOverlooked) {
    add_provider("long", {"sk-0123456789abcdef0123456789abcdef"});
    for (const size_t before : {1000U, 1010U, 1023U}) {
        ask(R"({"prompt":"a","model":"long/x"})");
        std::string words;
        while (words.size() < before) {
            words += "word ";
        }
        words.resize(before);
        world.upstream.deliver(
            response_for(T::callers_fault, words + "sk-0123456789abcdef0123456789abcdef"));
        expect_no_secret("sk-01234567");
    }
}

TEST_F(Secrets, OfCallersAreNotLoggedEither) {
    policy.auth = AuthMode::required;
    policy.keys = ring_of(key_json("team"));
    ask(R"({"prompt":"my very private prompt","model":"chain"})", as("sk-bf-team"));
    world.upstream.deliver(response_for(T::broken));
    world.upstream.deliver(images(1));
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(exchange->caller_id(), "team");
    expect_no_secret("sk-bf-team");
    EXPECT_FALSE(world.log.mentions("private prompt"));
    ask("{}", as("sk-bf-other"));
    EXPECT_EQ(told.status(), 401);
    EXPECT_EQ(told.header("WWW-Authenticate"), "Bearer");
    expect_no_secret("sk-bf-other");
}

}  // namespace
}  // namespace gateway
