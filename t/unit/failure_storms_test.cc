// Which failures are logged when many of the same kind come.
#include "core/routing/failure_storms.h"

#include <gtest/gtest.h>

#include <string>

#include "exchange_world.h"

namespace gateway {
namespace {

class FailureStormsTest : public testing::Test {
 protected:
    std::optional<uint64_t> note(const std::string &kind) {
        return storms.note(kind, LogLevel::warn);
    }

    FakeClock clock;
    FakeLog log;
    FailureStorms storms{clock};
};

TEST_F(FailureStormsTest, OneASecondOfEachKindIsLogged) {
    EXPECT_EQ(note("a"), 0U);
    EXPECT_EQ(note("b"), 0U);
    EXPECT_FALSE(note("a"));
    EXPECT_FALSE(note("a"));
    clock.set(Milliseconds(999));
    EXPECT_FALSE(note("a"));
    clock.set(Milliseconds(1000));
    EXPECT_EQ(note("a"), 3U) << "those that were left out";
    EXPECT_EQ(note("b"), 0U);
    clock.set(Milliseconds(5000));
    EXPECT_EQ(note("a"), 0U);
}

TEST_F(FailureStormsTest, TheRestIsToldWhenNoneOfTheKindComes) {
    (void)note("p ended as broken");
    (void)note("p ended as broken");
    (void)note("q ended as broken");
    storms.tell_rest(log);
    EXPECT_TRUE(log.lines.empty()) << "the second is not over";
    clock.set(Milliseconds(1000));
    storms.tell_rest(log);
    ASSERT_EQ(log.lines.size(), 1U);
    EXPECT_NE(log.lines[0].second.find("1 more attempts at p ended as broken"), std::string::npos);
    storms.tell_rest(log);
    EXPECT_EQ(log.lines.size(), 1U);
    EXPECT_EQ(note("p ended as broken"), 0U) << "it was forgotten";
}

TEST_F(FailureStormsTest, OfTooManyKindsEachFailureIsLogged) {
    for (int i = 0; i < 300; ++i) {
        EXPECT_EQ(note(std::to_string(i)), 0U);
    }
    EXPECT_FALSE(note("5"));
    EXPECT_EQ(note("299"), 0U);
    EXPECT_EQ(note("299"), 0U);
}

TEST_F(ExchangeTest, FailuresOfOneKindAreOneLineASecond) {
    FailureStorms storms(world.clock);
    AttemptLog attempt_log(world.log, &storms);
    Observer *const observers[] = {&attempt_log};
    world.ports.observers = observers;
    for (int i = 0; i < 5; ++i) {
        ask(R"({"prompt":"a","model":"a/gpt-image-2"})");
        world.upstream.deliver(response_for(OutcomeType::broken));
    }
    ASSERT_EQ(world.log.lines.size(), 1U);
    world.loop.advance(Milliseconds(1000));
    ask(R"({"prompt":"a","model":"a/other-model"})");
    world.upstream.deliver(response_for(OutcomeType::broken));
    ASSERT_EQ(world.log.lines.size(), 2U);
    EXPECT_NE(world.log.lines[1].second.find("and 4 more of this kind"), std::string::npos);
    EXPECT_NE(world.log.lines[1].second.find(exchange->request_id()), std::string::npos);
}

}  // namespace
}  // namespace gateway
