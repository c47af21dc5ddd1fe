// The state of providers that all workers share: breakers, resting keys, calls in progress.
#include "core/limits/health.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "fake_ports.h"

namespace gateway {
namespace {

constexpr Milliseconds kLong{60'000};

class HealthTest : public testing::Test {
 protected:
    HealthTest() { EXPECT_TRUE(Health::prepare(memory.region(), true)); }

    Target target(const char *model = "m") {
        return {account_of("p"), account_of({"p", model}), {.failures = 2}, 2};
    }
    Moment at(int64_t milliseconds) { return {milliseconds / 1000, milliseconds}; }
    int64_t rest_of(const Account &name, int64_t now) {
        int64_t wait = -1;
        health.read_rests({&name, 1}, {&wait, 1}, at(now));
        return wait;
    }
    void fail(const Target &where, int64_t now) {
        const auto ticket = health.enter(where, at(now), kLong);
        ASSERT_TRUE(ticket);
        health.leave(where, *ticket, Verdict::failure, at(now));
    }

    FakeMemory memory{64 * 1024};
    Health health{memory, 7};
    Health other{memory, 8};  // another worker
};

TEST_F(HealthTest, ABreakerIsSharedByWorkersAndOfOneModelOnly) {
    fail(target(), 1'000);
    fail(target(), 1'000);
    const auto refused = other.enter(target(), at(1'000), kLong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().by, Hindrance::breaker_open);
    EXPECT_EQ(refused.error().wait, Milliseconds(15'000));
    EXPECT_TRUE(other.enter(target("another"), at(1'000), kLong));
}

TEST_F(HealthTest, WhileAProbeIsUnderWayNoLongerWaitIsToldThanABreakerIsOpen) {
    fail(target(), 1'000);
    fail(target(), 1'000);
    ASSERT_TRUE(health.enter(target(), at(16'000), Milliseconds(600'000)));
    const auto refused = other.enter(target(), at(16'000), kLong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().wait, Milliseconds(15'000));
}

TEST_F(HealthTest, CallsUnderWayAreCountedOverAllWorkers) {
    const auto first = health.enter(target(), at(0), kLong);
    const auto second = other.enter(target("another"), at(0), kLong);
    ASSERT_TRUE(first && second);
    const auto third = health.enter(target(), at(0), kLong);
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().by, Hindrance::busy);
    other.leave(target("another"), *second, Verdict::success, at(0));
    EXPECT_TRUE(health.enter(target(), at(0), kLong));
}

TEST_F(HealthTest, ACallLeftTwiceIsCountedOnce) {
    const auto first = health.enter(target(), at(0), kLong);
    const auto second = health.enter(target(), at(0), kLong);
    ASSERT_TRUE(first && second);
    health.leave(target(), *first, Verdict::nothing, at(0));
    health.leave(target(), *first, Verdict::nothing, at(0));
    EXPECT_TRUE(health.enter(target(), at(0), kLong));
    EXPECT_FALSE(health.enter(target(), at(0), kLong));
}

TEST_F(HealthTest, CallsOfADeadWorkerAreTakenBack) {
    ASSERT_TRUE(health.enter(target(), at(0), kLong));
    ASSERT_TRUE(other.enter(target(), at(0), kLong));
    EXPECT_EQ(health.sweep(at(0), [](int32_t process) { return process != 8; }), 1U);
    EXPECT_TRUE(health.enter(target(), at(0), kLong));
    EXPECT_FALSE(health.enter(target(), at(0), kLong));
    EXPECT_EQ(health.sweep(at(60'001), [](int32_t) { return true; }), 2U) << "outlived";
}

TEST_F(HealthTest, WithoutALimitNothingIsCounted) {
    Target free = target();
    free.max_calls = 0;
    for (int i = 0; i < 10'000; ++i) {
        ASSERT_TRUE(health.enter(free, at(0), kLong));
    }
    EXPECT_EQ(health.sweep(at(0), [](int32_t) { return false; }), 0U);
}

TEST_F(HealthTest, AKeyRestsForTheTimeThatItIsTold) {
    const Account key = account_of("key");
    EXPECT_EQ(rest_of(key, 0), 0);
    health.rest(key, Milliseconds(12'000), at(1'000));
    EXPECT_EQ(rest_of(key, 1'000), 12'000);
    EXPECT_EQ(rest_of(key, 12'999), 1);
    EXPECT_EQ(rest_of(key, 13'000), 0);
    health.rest(key, Milliseconds(5'000), at(1'000));
    EXPECT_EQ(rest_of(key, 1'000), 12'000) << "never shorter than it was";
    EXPECT_EQ(rest_of(account_of("another"), 1'000), 0);
}

TEST_F(HealthTest, WithoutATimeARestDoublesUntilTheKeyServesAgain) {
    const Account key = account_of("key");
    int64_t now = 1'000'000;
    for (const int64_t expected : {1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 60'000, 60'000}) {
        health.rest(key, std::nullopt, at(now));
        EXPECT_EQ(rest_of(key, now), expected);
        health.rest(key, std::nullopt, at(now + 1));
        EXPECT_EQ(rest_of(key, now), expected) << "calls that were under way together are one";
        now += expected;
    }
    health.serve({&key, 1});
    health.rest(key, std::nullopt, at(now));
    EXPECT_EQ(rest_of(key, now), 1'000);
    now += 1'000 + 60'001;
    health.rest(key, std::nullopt, at(now));
    EXPECT_EQ(rest_of(key, now), 1'000) << "a row is forgotten after a minute";
}

TEST_F(HealthTest, ALaterConfigurationTakesOverWhatIsKnown) {
    fail(target(), 1'000);
    fail(target(), 1'000);
    EXPECT_TRUE(Health::prepare(memory.region(), false));
    EXPECT_FALSE(health.enter(target(), at(1'000), kLong));
    EXPECT_TRUE(Health::prepare(memory.region(), true));
    EXPECT_TRUE(health.enter(target(), at(1'000), kLong));
}

TEST_F(HealthTest, ARegionThatIsNotOursIsRefused) {
    FakeMemory small(Health::min_size() - 1);
    EXPECT_FALSE(Health::prepare(small.region(), true));
    FakeMemory least(Health::min_size());
    EXPECT_FALSE(Health::prepare(least.region(), false)) << "not laid out";
    EXPECT_TRUE(Health::prepare(least.region(), true));
    EXPECT_TRUE(Health::prepare(least.region(), false));
}

// Invented names must not displace the state of real models.
TEST_F(HealthTest, AFullTableForgetsNobodyWhoFails) {
    fail(target(), 1'000);
    fail(target(), 1'000);
    for (int i = 0; i < 5'000; ++i) {
        const std::string name = "invented-" + std::to_string(i);
        const Target invented = {account_of("q"), account_of({"q", name}), {.failures = 2}, 0};
        const auto ticket = health.enter(invented, at(1'000), kLong);
        ASSERT_TRUE(ticket) << "what there is no room for is let through";
        health.leave(invented, *ticket, i % 2 == 0 ? Verdict::success : Verdict::failure,
                     at(1'000));
    }
    EXPECT_FALSE(health.enter(target(), at(1'000), kLong));
}

TEST_F(HealthTest, ACallThatThereIsNoRoomToCountIsNotMadeWhereThereIsALimit) {
    FakeMemory least(8 * 1024);
    ASSERT_TRUE(Health::prepare(least.region(), true));
    Health full(least, 7);
    for (int i = 0; i < 100; ++i) {
        const Target failing = {
            account_of("q"), account_of({"q", std::to_string(i)}), {.failures = 2}, 0};
        const auto ticket = full.enter(failing, at(1'000), kLong);
        ASSERT_TRUE(ticket);
        full.leave(failing, *ticket, Verdict::failure, at(1'000));
    }
    EXPECT_EQ(full.take_times_full(), 0U) << "without a limit nothing is counted";
    const auto refused = full.enter(target(), at(1'000), kLong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().by, Hindrance::busy);
    EXPECT_EQ(full.take_times_full(), 1U);
    EXPECT_EQ(full.take_times_full(), 0U);
    EXPECT_TRUE(full.enter(target(), at(100'000), kLong)) << "once there is room again";
}

TEST_F(HealthTest, WhenAllLeasesAreTakenNoMoreCallsAreMade) {
    FakeMemory least(8 * 1024);
    ASSERT_TRUE(Health::prepare(least.region(), true));
    Health few(least, 7);
    Target wide = target();
    wide.max_calls = 1'000'000;
    std::vector<CallTicket> tickets;
    for (auto ticket = few.enter(wide, at(0), kLong); ticket;
         ticket = few.enter(wide, at(0), kLong)) {
        tickets.push_back(*ticket);
        ASSERT_LT(tickets.size(), 10'000U) << "some call was not counted";
    }
    EXPECT_EQ(few.take_times_full(), 1U);
    few.leave(wide, tickets.back(), Verdict::nothing, at(0));
    EXPECT_TRUE(few.enter(wide, at(0), kLong));
}

// A refused call must not keep a lease.
TEST_F(HealthTest, ACallThatABreakerRefusesTakesNoPlace) {
    fail(target(), 1'000);
    fail(target(), 1'000);
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(health.enter(target(), at(1'000), kLong));
    }
    EXPECT_TRUE(health.enter(target("another"), at(1'000), kLong));
    EXPECT_TRUE(health.enter(target("another"), at(1'000), kLong));
    EXPECT_EQ(health.sweep(at(1'000), [](int32_t) { return false; }), 2U);
}

TEST_F(HealthTest, WorkersAtOnceNeverExceedTheLimit) {
    std::atomic<int> running = 0;
    std::atomic<int> max = 0;
    const auto work = [&](int32_t process) {
        Health mine(memory, process);
        for (int i = 0; i < 5'000; ++i) {
            const auto ticket = mine.enter(target(), at(i), kLong);
            if (!ticket) {
                continue;
            }
            const int now = ++running;
            int seen = max;
            while (seen < now && !max.compare_exchange_weak(seen, now)) {
            }
            --running;
            mine.leave(target(), *ticket, Verdict::success, at(i));
        }
    };
    std::vector<std::thread> workers;
    for (int32_t process = 1; process <= 4; ++process) {
        workers.emplace_back(work, process);
    }
    for (std::thread &worker : workers) {
        worker.join();
    }
    EXPECT_LE(max, 2);
    EXPECT_GE(max, 1);
    EXPECT_EQ(health.sweep(at(0), [](int32_t) { return false; }), 0U);
}

TEST(Accounts, KeepTheirPartsApart) {
    EXPECT_NE(account_of({"ab", "c"}), account_of({"a", "bc"}));
    EXPECT_NE(account_of({"a", ""}), account_of({"", "a"}));
    EXPECT_NE(both(account_of("a"), account_of("b")), both(account_of("b"), account_of("a")));
    EXPECT_EQ(account_of({"a", "b"}), account_of({"a", "b"}));
}

}  // namespace
}  // namespace gateway
