// Models and limits of a key, and that everything it did not use is given back.
#include <gtest/gtest.h>

#include "exchange_world.h"

namespace gateway {
namespace {

using T = OutcomeType;

class ExchangeLimits : public ExchangeTest {
 protected:
    ExchangeLimits() { policy.auth = AuthMode::required; }
    void use_key(const std::string &more) { policy.keys = ring_of(key_json("k", more)); }
    void ask_as_key(const std::string &body) { ask(body, as("sk-bf-k")); }
    bool may_enter() {
        auto key = key_shares();
        const bool entered = ledger.enter(key, now(), 9, 1000).has_value();
        ledger.settle(key, 0, 0, now());
        return entered;
    }
};

TEST_F(ExchangeLimits, AKeyForAnAliasMayUseAllBehindIt) {
    use_key(R"("models":["chain"])");
    ask_as_key(R"({"prompt":"a","model":"chain"})");
    world.upstream.deliver(response_for(T::broken));
    EXPECT_EQ(asked(), "a b");
    ask_as_key(R"({"prompt":"a","model":"a/gpt-image-2"})");
    EXPECT_EQ(told.status(), 403) << "but not directly";
    EXPECT_EQ(told.json()["error"]["code"].string(), "model_not_allowed");
    EXPECT_EQ(told.json()["error"]["param"].string(), "model");
}

TEST_F(ExchangeLimits, AKeyForMembersMayUseThoseOfAnAlias) {
    use_key(R"("models":["b/*","gpt-*"])");
    ask_as_key(R"({"prompt":"a","model":"chain"})");
    world.upstream.deliver(response_for(T::broken));
    EXPECT_EQ(asked(), "b");
    EXPECT_EQ(told.status(), 502);
    ask_as_key(R"({"prompt":"a","model":"b:gpt-image-2"})");
    EXPECT_EQ(asked(), "b b");
    ask_as_key(R"({"prompt":"a","model":"gpt-image-2"})");
    EXPECT_EQ(asked(), "b b a") << "by the bare id it was given";
    ask_as_key(R"({"prompt":"a","model":"b/x","fallbacks":["b/y","c/x"]})");
    EXPECT_EQ(told.status(), 403);
    EXPECT_EQ(told.json()["error"]["param"].string(), "fallbacks[1]");
}

TEST_F(ExchangeLimits, TheKeysOwnFallbacksComeLast) {
    use_key(R"("fallbacks":["c/spare","gone/model"])");
    ask_as_key(R"({"prompt":"a","model":"a/x","fallbacks":["b/x"]})");
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(told.answers, 0);
        world.upstream.deliver(response_for(T::broken));
    }
    EXPECT_EQ(asked(), "a b c");
    EXPECT_EQ(told.status(), 502);
}

// As in the design's own keys.json: "models": ["auto", "openai/*"], "fallbacks": ["studio/sdxl"].
TEST_F(ExchangeLimits, TheKeysOwnFallbacksNeedNoOtherPermission) {
    use_key(R"("models":["chain","a/*"],"fallbacks":["c/spare"])");
    ask_as_key(R"({"prompt":"a","model":"a/x"})");
    world.upstream.deliver(response_for(T::broken));
    EXPECT_EQ(asked(), "a c");
}

TEST_F(ExchangeLimits, TellsTheQuotaOnAdmittedRequestsOnly) {
    use_key(R"("limits":{"requests_per_minute":2,"images_per_minute":10})");
    world.loop.advance(Milliseconds(15'000));
    ask_as_key(R"({"prompt":"a","model":"a/x","n":3})");
    world.upstream.deliver(images(3));
    EXPECT_EQ(told.header("x-ratelimit-limit-requests"), "2");
    EXPECT_EQ(told.header("x-ratelimit-remaining-requests"), "1");
    EXPECT_EQ(told.header("x-ratelimit-reset-requests"), "61s");
    EXPECT_EQ(told.header("x-ratelimit-limit-images"), "10");
    EXPECT_EQ(told.header("x-ratelimit-remaining-images"), "7");
    ask_as_key("{}");
    EXPECT_EQ(told.status(), 400) << "a request that fails validation costs one request";
    EXPECT_EQ(told.header("x-ratelimit-remaining-requests"), "0");
    EXPECT_EQ(told.header("x-ratelimit-remaining-images"), "7") << "and no images";
    ask_as_key("{}");
    EXPECT_EQ(told.status(), 429);
    EXPECT_EQ(told.header("Retry-After"), "61");
    EXPECT_EQ(told.header("x-ratelimit-limit-requests"), "");
    EXPECT_EQ(exchange->outcome(), "refused");
}

TEST_F(ExchangeLimits, RefusesImagesThatAreNotLeft) {
    use_key(R"("limits":{"images_per_minute":5})");
    ask_as_key(R"({"prompt":"a","model":"a/x","n":4})");
    ask_as_key(R"({"prompt":"a","model":"a/x","n":2})");
    EXPECT_EQ(images_left(), 1) << "the first was cancelled, but may have been made";
    EXPECT_EQ(told.status(), 429);
    EXPECT_EQ(told.header("Retry-After"), "61");
    EXPECT_EQ(asked(), "a");
}

TEST_F(ExchangeLimits, GivesBackWhatWasCertainlyNotMade) {
    const struct {
        const char *what;
        std::vector<HttpResponse> responses;
        int64_t left;
    } kRows[] = {
        {"all made", {images(4)}, 6},
        {"some made", {images(3)}, 7},
        {"refused", {response_for(T::callers_fault)}, 10},
        {"all broken",
         {response_for(T::broken), response_for(T::throttled), response_for(T::not_here)},
         10},
        {"broken, then made", {response_for(T::broken), images(4)}, 6},
        {"lost", {response_for(T::unknown), response_for(T::broken), response_for(T::broken)}, 6},
        {"lost, then refused", {response_for(T::unknown), response_for(T::callers_fault)}, 6},
    };
    use_key(R"("limits":{"images_per_minute":10,"concurrent":1})");
    for (const auto &row : kRows) {
        SCOPED_TRACE(row.what);
        world.loop.advance(Milliseconds(61'000));
        ASSERT_EQ(images_left(), 10);
        ask_as_key(R"({"prompt":"a","model":"chain","n":4})");
        EXPECT_FALSE(may_enter());
        EXPECT_EQ(images_left(), 6);
        for (const HttpResponse &response : row.responses) {
            ASSERT_EQ(told.answers, 0);
            world.upstream.deliver(response);
        }
        ASSERT_EQ(told.answers, 1);
        EXPECT_TRUE(may_enter()) << "the lease is back with the answer";
        EXPECT_EQ(images_left(), row.left);
        EXPECT_EQ(told.header("x-ratelimit-remaining-images"), std::to_string(row.left));
    }
}

// The first try may be billed, and the second as well.
TEST_F(ExchangeLimits, ReservesAgainBeforeAnotherTryThatMayBeBilledAsWell) {
    use_key(R"("limits":{"images_per_minute":10})");
    ask_as_key(R"({"prompt":"a","model":"chain","n":4})");
    world.upstream.deliver(response_for(T::unknown));
    EXPECT_EQ(images_left(), 2);
    world.upstream.deliver(response_for(T::unknown));
    EXPECT_EQ(told.status(), 429) << "no room for a third try";
    EXPECT_EQ(asked(), "a b");
}

TEST_F(ExchangeLimits, WhenTheCallerLeavesTheLeaseComesBack) {
    use_key(R"("limits":{"images_per_minute":10,"concurrent":1})");
    open(as("sk-bf-k"));
    EXPECT_FALSE(may_enter());
    exchange->cancel();
    EXPECT_TRUE(may_enter()) << "before the body";
    EXPECT_EQ(images_left(), 10);
    ask_as_key(R"({"prompt":"a","model":"chain","n":4})");
    exchange.reset();
    EXPECT_TRUE(may_enter()) << "while a provider was at it";
    EXPECT_EQ(images_left(), 6) << "which may have been billed";
}

TEST_F(ExchangeLimits, AtTheDeadlineTheLeaseComesBackAndTheImagesDoNot) {
    use_key(R"("limits":{"images_per_day":10,"concurrent":1})");
    policy.deadline = Milliseconds(5'000);
    ask_as_key(R"({"prompt":"a","model":"chain","n":4})");
    world.loop.advance(Milliseconds(5'000));
    EXPECT_EQ(told.status(), 504);
    EXPECT_TRUE(may_enter());
    EXPECT_EQ(images_left(), 6);
}

TEST_F(ExchangeLimits, ARefusedEntryTakesNothing) {
    use_key(R"("limits":{"concurrent":1,"requests_per_minute":5})");
    ask_as_key(R"({"prompt":"a","model":"chain"})");
    const auto first = std::move(exchange);
    ask_as_key(R"({"prompt":"a","model":"chain"})");
    EXPECT_EQ(told.status(), 429);
    EXPECT_EQ(told.header("Retry-After"), "1");
    exchange.reset();
    EXPECT_FALSE(may_enter()) << "the first still has its lease";
}

}  // namespace
}  // namespace gateway
