// What callers are told of failures: one code for each kind, whether to repeat, and what was said.
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
    void deliver(T type) { world.upstream.deliver(reply_for(type)); }
    [[nodiscard]] std::string error(const char *member) const {
        return std::string(told.json()["error"][member].string());
    }
    [[nodiscard]] std::string retry() const { return told.header("x-should-retry"); }
};

TEST_F(ToldTest, ADateToWaitForIsMeasuredByOurClockWhereTheAnswerHasNone) {
    remembers_health = true;  // 2027-01-15T08:00:00Z
    const std::string error = error_json("requests", "slow_down");
    ask_one();
    world.upstream.deliver(reply_of(429, error, "Retry-After: Fri, 15 Jan 2027 08:00:20 GMT\r\n"));
    EXPECT_EQ(told.status(), 503);
    EXPECT_EQ(told.header("Retry-After"), "20");
    world.loop.advance(Milliseconds(19'000));
    ask_one();
    EXPECT_EQ(told.status(), 503) << "the key rests until then";
    world.loop.advance(Milliseconds(1'000));
    ask_one();
    EXPECT_EQ(told.answers, 0) << "and no longer";
    world.upstream.deliver(reply_of(429, error,
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
    world.upstream.deliver(undelivered(Delivery::lost, "Connection reset by peer"));
    EXPECT_EQ(said(), "Connection reset by peer");
    ask_one();
    world.upstream.deliver(
        reply_of(502, error_json("", "", "sk-secret-a " + std::string(5'000, 'm'))));
    EXPECT_EQ(said().size(), 1024U);
    EXPECT_EQ(said().find("sk-secret-a"), std::string::npos);
    for (const T type : {T::our_credentials, T::out_of_quota, T::broken, T::callers_fault}) {
        ask_one();
        world.upstream.deliver(reply_for(type, "a word about the account"));
        EXPECT_EQ(said(), "") << name_of(type);
    }
}

}  // namespace
}  // namespace gateway
