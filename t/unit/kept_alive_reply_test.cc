// A document with white space before it: when it begins, and what the body says then.
#include <gtest/gtest.h>

#include "exchange_world.h"

namespace gateway {
namespace {

const std::string kAsk = R"({"prompt":"x","model":"chain","size":"1024x1024"})";

class KeptAliveReplyTest : public ExchangeTest {
 protected:
    KeptAliveReplyTest() { policy.plain_heartbeat = Milliseconds(10'000); }
};

TEST_F(KeptAliveReplyTest, IsAnOrdinaryReplyBeforeTheTime) {
    ask(kAsk);
    world.loop.advance(Milliseconds(9'999));
    EXPECT_EQ(told.answers, 0);
    world.upstream.deliver(images(1));
    ASSERT_EQ(told.answers, 1);
    EXPECT_EQ(told.status(), 200);
    EXPECT_FALSE(told.json()["extra_fields"]["status_committed"].boolean());
    EXPECT_EQ(world.loop.running(), 0U);
}

TEST_F(KeptAliveReplyTest, SendsASpaceEachTimeAndThenTheDocument) {
    ask(kAsk);
    for (int i = 1; i <= 3; ++i) {
        world.loop.advance(Milliseconds(10'000));
        ASSERT_EQ(told.answers, i);
        EXPECT_EQ(told.answer->body.copy(), " ");
        EXPECT_TRUE(told.answer->goes_on);
        EXPECT_EQ(told.status(), 200);
    }
    world.upstream.deliver(images(1));
    ASSERT_EQ(told.answers, 4);
    EXPECT_FALSE(told.answer->goes_on);
    EXPECT_EQ(told.json()["extra_fields"]["status_committed"].boolean(), true);
    EXPECT_EQ(exchange->outcome(), "made");
    EXPECT_EQ(world.loop.running(), 0U) << "no timer is left";
}

TEST_F(KeptAliveReplyTest, AFailureStandsInTheBody) {
    ask(R"({"prompt":"x","model":"chain","fallbacks":[]})");
    world.loop.advance(Milliseconds(10'000));
    exchange->end_by_exception();
    EXPECT_FALSE(told.answer->goes_on);
    EXPECT_EQ(told.json()["status_code"].integer(), 500);
    EXPECT_EQ(told.json()["extra_fields"]["status_committed"].boolean(), true);
    EXPECT_EQ(world.loop.running(), 0U);
}

TEST_F(KeptAliveReplyTest, WhatIsRefusedHasItsStatus) {
    ask(R"({"prompt":"x","model":"nobody/x"})");
    EXPECT_EQ(told.status(), 404);
    EXPECT_EQ(world.loop.running(), 0U);
}

TEST_F(KeptAliveReplyTest, SendsNothingToAClientThatHasLeft) {
    ask(kAsk);
    exchange->cancel();
    world.loop.advance(Milliseconds(60'000));
    EXPECT_EQ(told.answers, 0);
}

}  // namespace
}  // namespace gateway
