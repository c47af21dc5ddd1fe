// The pause before a repeated attempt.
#include "core/routing/backoff.h"

#include <gtest/gtest.h>

#include <set>

#include "core/random.h"
#include "fake_ports.h"

namespace gateway {
namespace {

TEST(Backoff, IsAnythingUpToABoundThatDoubles) {
    const RetryRules rules;  // 500ms..8s
    FakeRandom random;
    for (const auto &[made, bound] : {std::pair{1, 500},
                                      {2, 1'000},
                                      {3, 2'000},
                                      {4, 4'000},
                                      {5, 8'000},
                                      {6, 8'000},
                                      {60, 8'000}}) {
        Milliseconds shortest{1'000'000};
        Milliseconds longest{0};
        for (int i = 0; i < 2'000; ++i) {
            const Milliseconds pause = pause_before_retry(rules, made, std::nullopt, random);
            shortest = std::min(shortest, pause);
            longest = std::max(longest, pause);
        }
        EXPECT_LE(longest, Milliseconds(bound));
        EXPECT_GT(longest, Milliseconds(bound * 9 / 10)) << made;
        EXPECT_LT(shortest, Milliseconds(bound / 10)) << "full jitter";
    }
}

TEST(Backoff, IsNeverShorterThanTheProviderAsksFor) {
    const RetryRules rules;
    FakeRandom random;
    for (int i = 0; i < 100; ++i) {
        EXPECT_GE(pause_before_retry(rules, 1, Milliseconds(400), random), Milliseconds(400));
        EXPECT_EQ(pause_before_retry(rules, 1, Milliseconds(30'000), random), Milliseconds(30'000));
    }
}

TEST(RandomTime, IncludesBothEnds) {
    FakeRandom random;
    std::set<int64_t> seen;
    for (int i = 0; i < 200; ++i) {
        seen.insert(random_time(Milliseconds(3), Milliseconds(5), random).count());
    }
    EXPECT_EQ(seen, (std::set<int64_t>{3, 4, 5}));
    EXPECT_EQ(random_time(Milliseconds(3), Milliseconds(3), random), Milliseconds(3));
}

}  // namespace
}  // namespace gateway
