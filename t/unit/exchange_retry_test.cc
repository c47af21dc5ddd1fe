// Retries: the same model after a pause, another key, a model that was not available for a while.
#include <gtest/gtest.h>

#include "exchange_world.h"

namespace gateway {
namespace {

using T = OutcomeType;

constexpr const char *kAsk = R"({"prompt":"a","model":"r/x"})";

class RetryTest : public ExchangeTest {
 protected:
    RetryTest() {
        provider->retry = RetryRules();  // attempts=2 backoff=500ms..8s within=10s
        add_alias("both", {{"r/x"}, {"b/x"}});
    }
    void deliver(T type) { world.upstream.deliver(response_for(type)); }
    void deliver_throttled(const char *headers) {
        world.upstream.deliver(
            response_of(429, error_json("rate_limit_error", "rate_limit_exceeded"), headers));
    }
    void wait(int64_t milliseconds) { world.loop.advance(Milliseconds(milliseconds)); }

    Provider *provider = add_provider("r", {"sk-r"});
};

TEST_F(RetryTest, WhatIsBrokenIsTriedAgainAfterAPause) {
    ask(kAsk);
    deliver(T::broken);
    EXPECT_EQ(told.answers, 0);
    EXPECT_EQ(asked(), "r") << "not at once";
    wait(500);
    ASSERT_EQ(asked(), "r r");
    deliver(T::made);
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(listed(), "r broken, r made");
}

TEST_F(RetryTest, ThereAreSoManyAttemptsAndThenTheNextCandidate) {
    provider->retry.attempts = 4;
    ask(R"({"prompt":"a","model":"both"})");
    for (int i = 0; i < 4; ++i) {
        deliver(T::broken);
        wait(4'000);
    }
    EXPECT_EQ(asked(), "r r r r b");
    deliver(T::made);
    EXPECT_EQ(told.status(), 200);
}

TEST_F(RetryTest, WithoutMemoryNothingIsTriedAgain) {
    ask(R"({"prompt":"a","model":"both"})");
    deliver(T::broken);
    const auto others = world.memory->open({1, 2});
    others->hold(world.memory->limit());
    wait(500);
    EXPECT_EQ(asked(), "r");
    EXPECT_EQ(told.status(), 503);
    EXPECT_EQ(told.json()["error"]["code"].string(), "overloaded");
}

TEST_F(RetryTest, NothingButBrokenIsTriedAgain) {
    for (const T type : {T::unknown, T::not_here, T::callers_fault, T::refused_by_policy,
                         T::our_credentials, T::out_of_quota}) {
        world.upstream.calls.clear();
        ask(kAsk);
        deliver(type);
        wait(9'000);
        EXPECT_EQ(asked(), "r") << name_of(type);
        EXPECT_EQ(told.answers, 1);
    }
}

TEST_F(RetryTest, APauseIsNotShorterThanTheProviderAsksForNorLongerThanIsAllowed) {
    const std::string error = error_json("service_unavailable_error", "server_is_overloaded");
    ask(kAsk);
    world.upstream.deliver(response_of(503, error, "retry-after: 3\r\n"));
    wait(2'999);
    EXPECT_EQ(asked(), "r");
    wait(1);
    EXPECT_EQ(asked(), "r r");
    deliver(T::made);
    ask(kAsk);
    world.upstream.deliver(response_of(503, error, "retry-after: 11\r\n"));
    EXPECT_EQ(told.status(), 502) << "that would be later than within=";
}

TEST_F(RetryTest, NoAttemptBeginsLaterThanWithin) {
    provider->retry.attempts = 100;
    ask(kAsk);
    Milliseconds last{0};
    while (told.answers == 0) {
        if (open_calls() == 1) {
            last = world.clock.now();
            deliver(T::broken);
        } else {
            wait(1);
        }
    }
    EXPECT_EQ(told.status(), 502);
    EXPECT_GT(last, Milliseconds(2'000));
    EXPECT_LE(last, Milliseconds(10'000));
}

TEST_F(RetryTest, ThePauseDoesNotOutliveTheDeadlineNorTheProcess) {
    policy.deadline = Milliseconds(2'000);
    const std::string error = error_json("service_unavailable_error", "server_is_overloaded");
    ask(kAsk);
    world.upstream.deliver(response_of(503, error, "retry-after: 2\r\n"));
    EXPECT_EQ(told.status(), 502) << "there is no use in waiting for the deadline";
    policy.deadline = Milliseconds(60'000);
    world.loop.leaving_in = Milliseconds(1'500);
    ask(kAsk);
    world.upstream.deliver(response_of(503, error, "retry-after: 2\r\n"));
    EXPECT_EQ(told.status(), 502);
    world.loop.leaving_in = Milliseconds(0);
    ask(R"({"prompt":"a","model":"chain"})");
    EXPECT_NE(told.status(), 200);
    EXPECT_EQ(open_calls(), 0U) << "a process whose time is up starts nothing";
}

TEST_F(RetryTest, AtTheDeadlineInAPauseNobodyIsSaidToBeAtWork) {
    policy.deadline = Milliseconds(1'000);
    provider->retry.shortest_pause = provider->retry.longest_pause = Milliseconds(998);
    ask(kAsk);
    wait(500);
    deliver(T::broken);
    while (told.answers == 0 && open_calls() == 0) {
        wait(1);
    }
    if (told.answers == 0) {
        deliver(T::broken);
    }
    wait(1'000);
    EXPECT_NE(told.json()["extra_fields"]["may_still_be_working"].boolean(), true);
}

TEST_F(RetryTest, TheOnlyThrottledModelIsWaitedForIfThatIsShort) {
    ask(kAsk);
    deliver_throttled("retry-after: 4\r\n");
    EXPECT_EQ(told.answers, 0);
    wait(3'999);
    EXPECT_EQ(asked(), "r");
    wait(1'100);
    ASSERT_EQ(asked(), "r r");
    deliver(T::made);
    EXPECT_EQ(listed(), "r throttled, r made");
    ask(kAsk);
    deliver_throttled("retry-after: 12\r\n");
    EXPECT_EQ(told.status(), 503) << "too long";
    EXPECT_EQ(told.header("Retry-After"), "12");
}

TEST_F(RetryTest, AThrottledModelIsNotWaitedForWhileAnotherCanBeAsked) {
    ask(R"({"prompt":"a","model":"both"})");
    deliver_throttled("retry-after-ms: 1\r\n");
    EXPECT_EQ(asked(), "r b");
    deliver(T::made);
    EXPECT_EQ(told.status(), 200);
}

TEST_F(RetryTest, AThrottledKeyRestsForAllRequests) {
    remembers_health = true;
    ask(R"({"prompt":"a","model":"both"})");
    deliver_throttled("retry-after: 30\r\n");
    deliver(T::made);
    world.upstream.calls.clear();
    ask(R"({"prompt":"a","model":"both"})");
    EXPECT_EQ(asked(), "b");
    deliver(T::made);
    ASSERT_EQ(told.json()["extra_fields"]["skipped"].size(), 1U);
    EXPECT_EQ(told.json()["extra_fields"]["skipped"].at(0)["provider"].string(), "r");
    EXPECT_EQ(told.json()["extra_fields"]["skipped"].at(0)["reason"].string(), "keys_resting");
    ask(R"({"prompt":"a","model":"r/another"})");
    EXPECT_EQ(open_calls(), 1U) << "of another model nothing is known";
    deliver(T::made);
    wait(5'000);
    ask(kAsk);
    EXPECT_EQ(told.status(), 503);
    EXPECT_EQ(told.header("Retry-After"), "25");
    wait(25'000);
    ask(kAsk);
    EXPECT_EQ(open_calls(), 1U);
}

TEST_F(RetryTest, ARejectedKeyRestsForAllModelsWhileOthersServe) {
    remembers_health = true;
    provider->keys.push_back({"sk-r2"});
    provider->finish();
    std::string rejected;
    ask(kAsk);
    rejected = world.upstream.calls.back()->call.headers.at(2);
    deliver(T::our_credentials);
    EXPECT_NE(world.upstream.calls.back()->call.headers.at(2), rejected);
    deliver(T::made);
    for (int i = 0; i < 20; ++i) {
        ask(R"({"prompt":"a","model":"r/another"})");
        EXPECT_NE(world.upstream.calls.back()->call.headers.at(2), rejected);
        deliver(T::made);
        EXPECT_EQ(told.status(), 200);
    }
}

TEST_F(RetryTest, AProviderWithoutKeysRestsToo) {
    remembers_health = true;
    add_provider("keyless", {})->retry = RetryRules();
    ask(R"({"prompt":"a","model":"keyless/x"})");
    deliver_throttled("retry-after: 30\r\n");
    ask(R"({"prompt":"a","model":"keyless/x"})");
    EXPECT_EQ(told.status(), 503);
    EXPECT_EQ(asked(), "keyless");
}

TEST_F(RetryTest, ABreakerThatIsOpenSkipsTheModel) {
    remembers_health = true;
    provider->breaker = {.failures = 3};
    provider->retry.attempts = 1;
    for (int i = 0; i < 3; ++i) {
        ask(kAsk);
        deliver(i == 1 ? T::unknown : T::broken);
    }
    world.upstream.calls.clear();
    ask(R"({"prompt":"a","model":"both"})");
    EXPECT_EQ(asked(), "b");
    deliver(T::made);
    EXPECT_EQ(told.json()["extra_fields"]["skipped"].at(0)["reason"].string(), "breaker_open");
    ask(kAsk);
    EXPECT_EQ(told.status(), 503);
    EXPECT_EQ(told.json()["error"]["code"].string(), "providers_unavailable");
    EXPECT_EQ(told.header("Retry-After"), "15");
    EXPECT_FALSE(told.json()["extra_fields"]["attempts"]) << "nobody was asked";
    wait(15'000);
    world.upstream.calls.clear();
    ask(kAsk);
    EXPECT_EQ(asked(), "r") << "the probe";
    deliver(T::made);
    ask(kAsk);
    EXPECT_EQ(asked(), "r r") << "closed again";
}

TEST_F(RetryTest, ACallersFaultsAndRefusalsNeverOpenABreaker) {
    remembers_health = true;
    provider->breaker = {.failures = 2};
    for (int i = 0; i < 50; ++i) {
        ask(kAsk);
        deliver(i % 2 == 0 ? T::callers_fault : T::refused_by_policy);
        EXPECT_EQ(told.status(), 400);
    }
}

TEST_F(RetryTest, WhatCallersOrWeHaveCausedNeverOpensABreaker) {
    remembers_health = true;
    provider->breaker = {.failures = 2};
    provider->retry.attempts = 1;
    HttpResponse delayed = undelivered(TransferEnd::timed_out);
    delayed.delayed = true;
    HttpResponse cut = undelivered(TransferEnd::lost);
    cut.delayed = true;
    for (int i = 0; i < 10; ++i) {
        for (const HttpResponse &response : {undelivered(TransferEnd::too_large), delayed, cut}) {
            ask(kAsk);
            ASSERT_EQ(open_calls(), 1U);
            world.upstream.deliver(response);
            EXPECT_EQ(told.status(), response.end == TransferEnd::timed_out ? 504 : 502);
            EXPECT_EQ(exchange->images_lost(), 1) << "it may be billed";
        }
    }
    for (int i = 0; i < 2; ++i) {
        ask(kAsk);
        world.upstream.deliver(undelivered(TransferEnd::timed_out));
    }
    ask(kAsk);
    EXPECT_EQ(told.status(), 503) << "its own doing does";
}

TEST_F(RetryTest, ACallersOwnShortDeadlineNeverOpensABreaker) {
    remembers_health = true;
    provider->breaker = {.failures = 2};
    RequestHead head;
    head.timeout = "1";
    for (int i = 0; i < 10; ++i) {
        ask(kAsk, head);
        ASSERT_EQ(open_calls(), 1U);
        wait(1'000);
        EXPECT_EQ(told.status(), 504);
    }
    for (int i = 0; i < 10; ++i) {
        ask(kAsk);
        ASSERT_EQ(open_calls(), 1U);
        exchange->cancel();
    }
}

TEST_F(RetryTest, ABusyProviderIsWaitedForAndThenTheRequestIsTurnedAway) {
    provider->max_calls = 1;
    auto first = std::make_unique<Exchange>(models, policy, accounts, health, world.ports);
    remembers_health = true;
    ASSERT_TRUE(*first->enter({}, nullptr));
    first->run(Operation::generate, std::string(kAsk), [](const Answer &) {});
    ASSERT_EQ(asked(), "r");
    ask(kAsk);
    wait(5'000);
    EXPECT_EQ(asked(), "r");
    EXPECT_EQ(told.answers, 0);
    first.reset();  // its client leaves
    wait(200);
    EXPECT_EQ(asked(), "r r");
    deliver(T::made);
    EXPECT_EQ(told.status(), 200);
    first = std::make_unique<Exchange>(models, policy, accounts, health, world.ports);
    ASSERT_TRUE(*first->enter({}, nullptr));
    first->run(Operation::generate, std::string(kAsk), [](const Answer &) {});
    ask(kAsk);
    wait(10'200);
    EXPECT_EQ(told.status(), 503);
    EXPECT_EQ(told.header("Retry-After"), "1");
    EXPECT_EQ(told.json()["extra_fields"]["skipped"].at(0)["reason"].string(), "busy");
    world.upstream.calls.clear();
    ask(R"({"prompt":"a","model":"both"})");
    EXPECT_EQ(asked(), "b") << "the next one is not waited with";
}

// ---- what may have been billed

TEST_F(RetryTest, WhoeverMayHaveBilledIsNotAskedAgainWhateverTheModel) {
    add_alias("same", {{"r/x"}, {"r/y"}, {"b/x"}, {"r/z"}});
    ask(R"({"prompt":"a","model":"same"})");
    deliver(T::unknown);
    EXPECT_EQ(asked(), "r b");
    deliver(T::broken);
    wait(10'000);
    EXPECT_EQ(asked(), "r b");
    EXPECT_EQ(told.status(), 502);
}

TEST_F(RetryTest, AProviderThatTakesIdempotencyKeysIsAskedAgainWithTheSame) {
    provider->takes_idempotency = true;
    const auto key = [&](size_t call) {
        for (const std::string &header : world.upstream.calls.at(call)->call.headers) {
            if (header.starts_with("Idempotency-Key: ")) {
                return header.substr(17);
            }
        }
        return std::string();
    };
    policy.auth = AuthMode::required;
    policy.keys = ring_of(key_json("k", R"("limits":{"images_per_day":10})"));
    ask(kAsk, as("sk-bf-k"));
    deliver(T::unknown);
    wait(500);
    ASSERT_EQ(asked(), "r r");
    EXPECT_FALSE(key(0).empty()) << "made here, where the caller has none";
    EXPECT_EQ(key(0), key(1));
    deliver(T::made);
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(listed(), "r unknown, r made");
    EXPECT_EQ(told.header("x-ratelimit-remaining-images"), "9") << "the same image, not two";

    RequestHead head = as("sk-bf-k");
    head.idempotency_key = "mine";
    ask(kAsk, head);
    const std::string first = key(2);
    EXPECT_EQ(first.size(), 64U) << "a hash";
    EXPECT_EQ(first.find("mine"), std::string::npos);
    deliver(T::made);
    ask(kAsk, head);
    EXPECT_EQ(key(3), first) << "the caller's own repetition has the same";
    deliver(T::made);
    ask(R"({"prompt":"a","model":"r/y"})", head);
    EXPECT_NE(key(4), first) << "another model is another call";
    deliver(T::made);
    ask(R"({"prompt":"a","model":"b/x"})", head);
    EXPECT_EQ(key(5), "") << "nothing where nothing is known of the provider";
}

TEST_F(RetryTest, AfterARefusalTheRouteMayGoOn) {
    Alias lenient;
    lenient.name = "lenient";
    lenient.choice.after_refusal = AfterRefusal::fallback;
    lenient.members = {{"r/x"}, {"b/x"}, {"c/x"}};
    ASSERT_TRUE(models.add(std::move(lenient)));
    ask(R"({"prompt":"a","model":"lenient"})");
    deliver(T::refused_by_policy);
    deliver(T::made);
    EXPECT_EQ(listed(), "r refused_by_policy, b made");
    ask(R"({"prompt":"a","model":"lenient"})");
    deliver(T::refused_by_policy);
    deliver(T::not_here);
    deliver(T::broken);
    EXPECT_EQ(told.status(), 400) << "of all that failed, the refusal is the caller's to know";
    EXPECT_EQ(told.json()["error"]["code"].string(), "content_policy_violation");
}

TEST_F(RetryTest, AProviderThatRanOutOfTimeIsA504ThatSaysSo) {
    ask(kAsk);
    world.upstream.deliver(undelivered(TransferEnd::timed_out));
    EXPECT_EQ(told.status(), 504);
    EXPECT_EQ(told.json()["error"]["code"].string(), "provider_timeout");
    EXPECT_EQ(told.json()["extra_fields"]["may_still_be_working"].boolean(), true);
}

TEST_F(RetryTest, OnlyWhatLeftWholeMayBeAtWorkAtTheDeadline) {
    policy.deadline = Milliseconds(1'000);
    for (const bool sent : {true, false}) {
        ask(kAsk);
        world.upstream.calls.back()->sent = sent;
        wait(1'000);
        EXPECT_EQ(told.status(), 504);
        EXPECT_EQ(told.json()["extra_fields"]["may_still_be_working"].boolean(), sent);
        EXPECT_EQ(told.json()["extra_fields"]["attempts"].at(0)["billed"].string(),
                  sent ? "unknown" : "");
    }
}

}  // namespace
}  // namespace gateway
