// More images than a model makes in one call: several calls at the same time, one reply.
#include <gtest/gtest.h>

#include "exchange_world.h"

namespace gateway {
namespace {

using T = OutcomeType;

class FanOutTest : public ExchangeTest {
 protected:
    FanOutTest() {
        models.use(std::make_shared<const Catalogue>(*Catalogue::read(
            R"({"apis":{"openai":[{"model":"one","operations":["generate"],
                "parameters":{"prompt":{},"n":{"max":1},"seed":{"max":100}},
                "price":{"per_image":[{"usd":0.04}]}},
               {"model":"none","operations":["generate"],"parameters":{"prompt":{}}},
               {"model":"four","operations":["generate"],
                "parameters":{"prompt":{},"n":{"max":4}}}]}})",
            models.catalogue().get())));
        add_alias("ones", {{"a/one"}, {"b/one"}});
        policy.keys = ring_of(key_json("k", R"("limits":{"images_per_day":100,"concurrent":1})"));
    }
    FakeUpstream::Seen &call(size_t number) { return *world.upstream.calls.at(number); }
    void answer(size_t number, HttpResponse response) {
        FakeUpstream::deliver(call(number), std::move(response));
    }
    std::string indices() {
        std::string all;
        const ReadJson json = told.json();
        for (const JsonValue one : json["data"]) {
            all += (all.empty() ? "" : " ") + std::to_string(*one["index"].integer());
        }
        return all;
    }
};

TEST_F(FanOutTest, MakesParallelCallsOfAsManyAsTheModelTakes) {
    ask(R"({"prompt":"a","model":"a/four","n":10})");
    ASSERT_EQ(open_calls(), 3U);
    EXPECT_EQ(call(0).call.body.copy(), R"({"model":"four","prompt":"a","n":4})");
    EXPECT_EQ(call(1).call.body.copy(), R"({"model":"four","prompt":"a","n":4})");
    EXPECT_EQ(call(2).call.body.copy(), R"({"model":"four","prompt":"a","n":2})");
    answer(2, images(2));
    answer(0, images(4));
    EXPECT_EQ(told.answers, 0) << "all of them are waited for";
    answer(1, images(4));
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(indices(), "0 1 2 3 4 5 6 7 8 9");
    EXPECT_FALSE(told.json()["extra_fields"]["adjustments"]) << told.json().text();
    const ReadJson json = told.json();
    ASSERT_EQ(json["extra_fields"]["attempts"].size(), 3U);
    EXPECT_EQ(json["extra_fields"]["attempts"].at(0)["call"].integer(), 2) << "as they ended";
    EXPECT_EQ(json["extra_fields"]["attempts"].at(0)["images"].integer(), 2);
}

TEST_F(FanOutTest, AModelWithoutANIsAskedOnceForEach) {
    ask(R"({"prompt":"a","model":"a/none","n":3})");
    ASSERT_EQ(open_calls(), 3U);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(call(i).call.body.copy(), R"({"model":"none","prompt":"a"})");
        answer(i, images(1));
    }
    EXPECT_EQ(indices(), "0 1 2");
}

TEST_F(FanOutTest, NoMoreThanEightAreUnderWayAtOnce) {
    ask(R"({"prompt":"a","model":"a/one","n":10})");
    EXPECT_EQ(open_calls(), 8U);
    answer(3, images(1));
    EXPECT_EQ(open_calls(), 8U);
    for (size_t i = 0; i < 10; ++i) {
        if (i != 3) {
            answer(i, images(1));
        }
    }
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(indices(), "0 1 2 3 4 5 6 7 8 9");
}

TEST_F(FanOutTest, AProvidersOwnLimitMakesTheRestWait) {
    const_cast<Provider *>(models.provider("a"))->max_calls = 2;
    ask(R"({"prompt":"a","model":"a/one","n":5})");
    for (size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(open_calls(), std::min<size_t>(2, 5 - i));
        answer(i, images(1));
    }
    EXPECT_EQ(indices(), "0 1 2 3 4");
    EXPECT_EQ(health.sweep({}, [](int32_t) { return false; }), 0U);
}

TEST_F(FanOutTest, SeedsAreCountedUpAndTheCallerIsTold) {
    ask(R"({"prompt":"a","model":"a/one","n":3,"seed":7})");
    EXPECT_EQ(call(0).call.body.copy(), R"({"model":"one","prompt":"a","n":1,"seed":7})");
    EXPECT_EQ(call(1).call.body.copy(), R"({"model":"one","prompt":"a","n":1,"seed":8})");
    EXPECT_EQ(call(2).call.body.copy(), R"({"model":"one","prompt":"a","n":1,"seed":9})");
    for (size_t i = 0; i < 3; ++i) {
        answer(i, images(1));
    }
    ASSERT_EQ(told.json()["extra_fields"]["adjustments"].size(), 1U);
    EXPECT_EQ(told.json()["extra_fields"]["adjustments"].at(0)["param"].string(), "seed");
}

TEST_F(FanOutTest, ASeedAtTheEndOfItsRangeBeginsAnew) {
    ask(R"({"prompt":"a","model":"a/one","n":3,"seed":99})");
    EXPECT_EQ(call(1).call.body.copy(), R"({"model":"one","prompt":"a","n":1,"seed":100})");
    EXPECT_EQ(call(2).call.body.copy(), R"({"model":"one","prompt":"a","n":1,"seed":0})");
}

TEST_F(FanOutTest, UsageAndCostAreAddedUp) {
    ask(R"({"prompt":"a","model":"a/one","n":3})");
    for (size_t i = 0; i < 3; ++i) {
        answer(i, response_of(200, images_json(1, R"(,"usage":{"input_tokens":5,"output_tokens":100,
            "total_tokens":105,"input_tokens_details":{"text_tokens":5,"image_tokens":0}})")));
    }
    const ReadJson json = told.json();
    EXPECT_EQ(json["usage"]["input_tokens"].integer(), 15);
    EXPECT_EQ(json["usage"]["output_tokens"].integer(), 300);
    EXPECT_EQ(json["usage"]["total_tokens"].integer(), 315);
    EXPECT_EQ(json["extra_fields"]["cost"]["usd"].number(), 0.12);
    EXPECT_EQ(json["extra_fields"]["usage_basis"].string(), "provider");
}

TEST_F(FanOutTest, WhatSomeOfThemMadeIsASuccessThatNamesWhatIsMissing) {
    ask(R"({"prompt":"a","model":"a/one","n":3})", as("sk-bf-k"));
    answer(0, images(1));
    answer(1, response_for(T::broken));
    answer(2, images(1));
    ASSERT_EQ(told.status(), 200);
    EXPECT_EQ(indices(), "0 2") << "each keeps its place";
    const ReadJson json = told.json();
    ASSERT_EQ(json["extra_fields"]["adjustments"].size(), 1U);
    const JsonValue line = json["extra_fields"]["adjustments"].at(0);
    EXPECT_EQ(line["param"].string(), "n");
    EXPECT_EQ(line["reason"].string(), "only 2 were made: 1 of 3 calls made no image: broken");
    EXPECT_EQ(images_left(), 98);
}

TEST_F(FanOutTest, StrictlyAPartIsAFailureThatSaysWhatIsBilled) {
    policy.fit = FitMode::strict;
    ask(R"({"prompt":"a","model":"a/one","n":3})", as("sk-bf-k"));
    answer(0, images(1));
    answer(1, response_for(T::unknown));
    answer(2, images(1));
    EXPECT_EQ(told.status(), 502);
    const ReadJson json = told.json();
    EXPECT_EQ(json["error"]["code"].string(), "incomplete");
    EXPECT_EQ(json["error"]["param"].string(), "n");
    EXPECT_EQ(json["extra_fields"]["cost"]["usd"].number(), 0.08);
    EXPECT_EQ(listed(), "a made, a unknown, a made");
    EXPECT_EQ(images_left(), 97) << "two were made, one perhaps";
}

TEST_F(FanOutTest, WhenNoneMadeAnythingTheNextCandidateIsAskedForAll) {
    ask(R"({"prompt":"a","model":"ones","n":2})", as("sk-bf-k"));
    answer(0, response_for(T::broken));
    EXPECT_EQ(asked(), "a a");
    answer(1, response_for(T::not_here));
    EXPECT_EQ(asked(), "a a b b");
    answer(2, images(1));
    answer(3, images(1));
    EXPECT_EQ(indices(), "0 1");
    EXPECT_EQ(images_left(), 98);
}

TEST_F(FanOutTest, OneThatMayBeBilledAmongThemCountsForTheProvider) {
    add_alias("twice", {{"a/one"}, {"a/none"}, {"b/one"}});
    ask(R"({"prompt":"a","model":"twice","n":2})", as("sk-bf-k"));
    answer(0, response_for(T::throttled));
    answer(1, response_for(T::unknown));
    EXPECT_EQ(asked(), "a a b b");
    answer(2, images(1));
    answer(3, images(1));
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(images_left(), 97) << "two made, one perhaps";
}

TEST_F(FanOutTest, AMistakeOfTheCallersStartsNoFurtherCalls) {
    ask(R"({"prompt":"a","model":"ones","n":10})");
    ASSERT_EQ(open_calls(), 8U);
    for (size_t i = 0; i < 8; ++i) {
        answer(i, response_for(T::callers_fault));
    }
    EXPECT_EQ(world.upstream.calls.size(), 8U);
    EXPECT_EQ(told.status(), 400);
}

TEST_F(FanOutTest, EachCallRetriesByItself) {
    const_cast<Provider *>(models.provider("a"))->retry = RetryRules();
    ask(R"({"prompt":"a","model":"a/one","n":2})");
    answer(0, response_for(T::broken));
    answer(1, images(1));
    EXPECT_EQ(told.answers, 0);
    world.loop.advance(Milliseconds(500));
    answer(2, images(1));
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(indices(), "0 1");
}

// Several calls at once are what runs into limits.
TEST_F(FanOutTest, CallsThatAreThrottledAreWaitedForOnceOthersHaveMadeSomething) {
    const_cast<Provider *>(models.provider("a"))->retry = RetryRules();
    const auto throttled = [](const char *headers) {
        return response_of(429, error_json("rate_limit_error", "rate_limit_exceeded"), headers);
    };
    ask(R"({"prompt":"a","model":"ones","n":10})");
    ASSERT_EQ(open_calls(), 8U);
    for (size_t i = 0; i < 6; ++i) {
        answer(i, throttled("retry-after: 2\r\n"));
    }
    answer(6, images(1));
    EXPECT_EQ(open_calls(), 1U) << "nothing more is begun while the provider is limiting";
    answer(7, images(1));
    EXPECT_EQ(told.answers, 0);
    EXPECT_EQ(asked(), "a a a a a a a a") << "b is not asked for what is missing of a's";
    world.loop.advance(Milliseconds(2'000));
    EXPECT_EQ(open_calls(), 8U) << "six again, and the two that had not begun";
    for (size_t i = 8; i < 16; ++i) {
        answer(i, images(1));
    }
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(indices(), "0 1 2 3 4 5 6 7 8 9");
}

TEST_F(FanOutTest, CallsThatAreThrottledTooLongOrTooOftenAreMissing) {
    const_cast<Provider *>(models.provider("a"))->retry = RetryRules();
    const auto throttled = [](const char *headers) {
        return response_of(429, error_json("rate_limit_error", "rate_limit_exceeded"), headers);
    };
    ask(R"({"prompt":"a","model":"ones","n":2})");
    answer(0, images(1));
    answer(1, throttled("retry-after: 30\r\n"));
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(indices(), "0");
    ask(R"({"prompt":"a","model":"ones","n":2})");
    answer(2, images(1));
    answer(3, throttled("retry-after: 1\r\n"));
    world.loop.advance(Milliseconds(1'000));
    answer(4, throttled("retry-after: 1\r\n"));
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(indices(), "0");
    ask(R"({"prompt":"a","model":"ones","n":2})");
    answer(5, images(1));
    answer(6, throttled("retry-after: 5\r\n"));
    exchange->cancel();
    EXPECT_EQ(world.loop.running(), 0U);
}

TEST_F(FanOutTest, AHalfOpenBreakerLetsOneThroughAndThenTheOthers) {
    auto *provider = const_cast<Provider *>(models.provider("a"));
    provider->breaker = {.failures = 1};
    remembers_health = true;
    ask(R"({"prompt":"a","model":"a/one"})");
    answer(0, response_for(T::broken));
    world.loop.advance(Milliseconds(15'000));
    ask(R"({"prompt":"a","model":"a/one","n":3})");
    EXPECT_EQ(open_calls(), 1U);
    answer(1, images(1));
    EXPECT_EQ(open_calls(), 2U);
    answer(2, images(1));
    answer(3, images(1));
    EXPECT_EQ(indices(), "0 1 2");
}

TEST_F(FanOutTest, AtTheDeadlineWhatIsMadeIsTheAnswer) {
    policy.deadline = Milliseconds(5'000);
    ask(R"({"prompt":"a","model":"a/one","n":3})", as("sk-bf-k"));
    answer(1, images(1));
    world.loop.advance(Milliseconds(5'000));
    ASSERT_EQ(told.status(), 200);
    EXPECT_EQ(indices(), "1");
    EXPECT_EQ(listed(), "a made, a too_late, a too_late");
    EXPECT_EQ(open_calls(), 0U);
    EXPECT_EQ(images_left(), 97) << "one made, two perhaps";
    policy.fit = FitMode::strict;
    ask(R"({"prompt":"a","model":"a/one","n":3})");
    answer(4, images(1));
    world.loop.advance(Milliseconds(5'000));
    EXPECT_EQ(told.status(), 502);
}

TEST_F(FanOutTest, AClientThatLeavesCancelsAllAndPaysForWhatMayBeMade) {
    ask(R"({"prompt":"a","model":"a/one","n":3})", as("sk-bf-k"));
    answer(0, images(1));
    call(1).sent = false;
    exchange->cancel();
    EXPECT_EQ(open_calls(), 0U);
    EXPECT_EQ(world.loop.running(), 0U);
    EXPECT_EQ(exchange->outcome(), "client_gone");
    EXPECT_EQ(images_left(), 98) << "one was made, one perhaps, one never left";
}

TEST_F(FanOutTest, RawShowsTheWireOfEachCall) {
    policy.raw = true;
    RequestHead head;
    head.raw = "request,response";
    ask(R"({"prompt":"a","model":"a/one","n":2})", head);
    answer(0, images(1));
    answer(1, images(1));
    EXPECT_EQ(told.json()["extra_fields"]["raw_request"].size(), 2U) << told.json().text();
    EXPECT_EQ(told.json()["extra_fields"]["raw_response"].size(), 2U);
}

}  // namespace
}  // namespace gateway
