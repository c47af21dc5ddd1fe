// When a breaker lets calls through.
#include "core/limits/breaker.h"

#include <gtest/gtest.h>

#include <random>

namespace gateway {
namespace {

constexpr int64_t kPatience = 100'000;

class BreakerTest : public testing::Test {
 protected:
    bool call(Verdict verdict) {
        const auto pass = breaker.enter(rules, now, kPatience);
        if (pass) {
            breaker.leave(rules, now, *pass, verdict);
        }
        return pass.has_value();
    }
    void open() {
        for (int i = 0; i < rules.failures; ++i) {
            ASSERT_TRUE(call(Verdict::failure));
        }
        ASSERT_TRUE(breaker.is_open());
    }

    BreakerRules rules{.failures = 3,
                       .rate = 50,
                       .min_calls = 10,
                       .window = std::chrono::seconds(30),
                       .open = std::chrono::seconds(15)};
    int64_t now = 1'000'000;
    Breaker breaker;
};

TEST_F(BreakerTest, OpensAfterSoManyFailuresInARowAndNotBefore) {
    EXPECT_TRUE(call(Verdict::failure));
    EXPECT_TRUE(call(Verdict::failure));
    EXPECT_TRUE(call(Verdict::success)) << "the row is broken";
    EXPECT_TRUE(call(Verdict::failure));
    EXPECT_TRUE(call(Verdict::failure));
    EXPECT_FALSE(breaker.is_open());
    EXPECT_TRUE(call(Verdict::failure));
    EXPECT_TRUE(breaker.is_open());
    EXPECT_FALSE(call(Verdict::success));
    EXPECT_EQ(breaker.wait(now), 15'000);
}

TEST_F(BreakerTest, WhatSaysNothingCountsNeitherWay) {
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(breaker.is_open());
        call(Verdict::failure);
        call(Verdict::nothing);
    }
    EXPECT_TRUE(breaker.is_open()) << "a refusal between failures does not make up for them";
}

TEST_F(BreakerTest, FailuresFurtherApartThanTheWindowAreNoRow) {
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(call(Verdict::failure));
        now += 30'001;
    }
    EXPECT_FALSE(breaker.is_open());
}

TEST_F(BreakerTest, OpensWhenTooManyOfTheCallsInTheWindowFail) {
    for (int i = 0; i < 4; ++i) {
        call(Verdict::success);
        call(Verdict::failure);
        now += 1'000;
    }
    call(Verdict::success);
    EXPECT_FALSE(breaker.is_open()) << "nine calls are too few to tell";
    call(Verdict::failure);
    EXPECT_TRUE(breaker.is_open()) << "five of ten";
}

TEST_F(BreakerTest, WhatIsOlderThanTheWindowDoesNotCount) {
    for (int i = 0; i < 5; ++i) {
        call(Verdict::failure);
        call(Verdict::success);
        if (breaker.is_open()) {
            break;
        }
    }
    ASSERT_FALSE(breaker.is_open()) << "the tenth call was a success";
    now += 31'000;
    for (int i = 0; i < 9; ++i) {
        call(i % 3 == 0 ? Verdict::failure : Verdict::success);
    }
    call(Verdict::failure);
    EXPECT_FALSE(breaker.is_open()) << "four of ten in this window";
}

TEST_F(BreakerTest, AfterItsTimeOneCallSeesWhetherItIsWell) {
    open();
    now += 14'999;
    EXPECT_FALSE(breaker.enter(rules, now, kPatience));
    now += 1;
    EXPECT_EQ(breaker.wait(now), 0);
    const auto probe = breaker.enter(rules, now, kPatience);
    ASSERT_TRUE(probe);
    EXPECT_NE(*probe, 0U);
    EXPECT_FALSE(breaker.enter(rules, now, kPatience)) << "one at a time";
    breaker.leave(rules, now, *probe, Verdict::success);
    EXPECT_FALSE(breaker.is_open());
    EXPECT_TRUE(call(Verdict::failure)) << "all failures before are forgotten";
    EXPECT_FALSE(breaker.is_open());
}

TEST_F(BreakerTest, AProbeThatFailsOpensItAnew) {
    open();
    now += 15'000;
    EXPECT_TRUE(call(Verdict::failure));
    EXPECT_FALSE(call(Verdict::success));
    EXPECT_EQ(breaker.wait(now), 15'000);
}

TEST_F(BreakerTest, AProbeThatSaysNothingLeavesItToTheNext) {
    open();
    now += 15'000;
    EXPECT_TRUE(call(Verdict::nothing)) << "a refusal by policy, say, or a client that left";
    EXPECT_TRUE(breaker.is_open());
    EXPECT_TRUE(call(Verdict::success));
    EXPECT_FALSE(breaker.is_open());
}

TEST_F(BreakerTest, AProbeThatIsNeverHeardOfAgainIsReplacedAndHeardNoMore) {
    open();
    now += 15'000;
    const auto lost = breaker.enter(rules, now, kPatience);
    ASSERT_TRUE(lost);
    now += kPatience - 1;
    EXPECT_FALSE(breaker.enter(rules, now, kPatience));
    now += 1;
    const auto second = breaker.enter(rules, now, kPatience);
    ASSERT_TRUE(second);
    breaker.leave(rules, now, *lost, Verdict::success);
    EXPECT_TRUE(breaker.is_open()) << "a late one does not decide";
    breaker.leave(rules, now, *second, Verdict::success);
    EXPECT_FALSE(breaker.is_open());
}

TEST_F(BreakerTest, WhatBeganBeforeItOpenedDoesNotDecide) {
    const auto early = breaker.enter(rules, now, kPatience);
    ASSERT_TRUE(early);
    open();
    breaker.leave(rules, now, *early, Verdict::success);
    EXPECT_TRUE(breaker.is_open());
    breaker.leave(rules, now, *early, Verdict::failure);
    EXPECT_EQ(breaker.wait(now), 15'000);
}

TEST_F(BreakerTest, OffLetsEverythingThroughAndRemembersNothing) {
    rules.failures = 0;
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(call(Verdict::failure));
    }
    EXPECT_FALSE(breaker.is_open());
    EXPECT_TRUE(breaker.is_like_new(rules, now));
}

TEST_F(BreakerTest, IsLikeNewWhenItsFailuresAreOld) {
    EXPECT_TRUE(breaker.is_like_new(rules, now));
    call(Verdict::failure);
    EXPECT_FALSE(breaker.is_like_new(rules, now));
    now += 30'001;
    EXPECT_TRUE(breaker.is_like_new(rules, now));
    open();
    now += 1'000'000;
    EXPECT_FALSE(breaker.is_like_new(rules, now)) << "open until a probe has succeeded";
}

// In any sequence of calls: while the breaker is open, at most one call is let through.
TEST_F(BreakerTest, HasAtMostOneProbeWhateverHappens) {
    std::mt19937 dice(7);
    std::vector<Breaker::Pass> running;
    int opened = 0;
    for (int i = 0; i < 100'000; ++i) {
        now += dice() % 500;
        if (dice() % 2 == 0) {
            const bool was_open = breaker.is_open();
            if (const auto pass = breaker.enter(rules, now, kPatience)) {
                EXPECT_EQ(*pass != 0, was_open);
                running.push_back(*pass);
            }
        } else if (!running.empty()) {
            const size_t at = dice() % running.size();
            const Breaker::Pass pass = running[at];
            running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
            const bool was_open = breaker.is_open();
            const auto verdict = static_cast<Verdict>(dice() % 3);
            breaker.leave(rules, now, pass, verdict);
            opened += !was_open && breaker.is_open() ? 1 : 0;
            EXPECT_TRUE(!was_open || breaker.is_open() ||
                        (pass != 0 && verdict == Verdict::success));
            EXPECT_TRUE(was_open || !breaker.is_open() || verdict == Verdict::failure);
        }
    }
    EXPECT_GT(opened, 50);
}

}  // namespace
}  // namespace gateway
