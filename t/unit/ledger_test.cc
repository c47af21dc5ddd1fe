// Counting: each limit is exact, windows roll over, leases come back.
#include "core/limits/ledger.h"

#include <gtest/gtest.h>

#include "fake_ports.h"

namespace gateway {
namespace {

constexpr int64_t kMidnight = 1'799'971'200;  // 2027-01-15T00:00:00Z
constexpr int64_t kLease = 1000;

class LedgerTest : public testing::Test {
 protected:
    LedgerTest() { EXPECT_TRUE(Ledger::prepare(memory.region(), true)); }

    // Seconds since midnight; the monotonic clock goes with them.
    static Moment at(int64_t seconds) { return {kMidnight + seconds, seconds * 1000}; }

    static Account account(const std::string &id) {
        Key key;
        key.id = id;
        return account_of(key);
    }
    tl::expected<Admission, LimitReached> enter(const KeyLimits &limits, int64_t second,
                                                const std::string &id = "a", int32_t process = 7) {
        return ledger.enter(account(id), limits, at(second), process, kLease);
    }
    tl::expected<Quota, LimitReached> reserve(const KeyLimits &limits, int64_t count,
                                              int64_t second) {
        return ledger.reserve_images(account("a"), limits, count, at(second));
    }

    FakeMemory memory{64 * 1024};
    Ledger ledger{memory};
};

TEST_F(LedgerTest, DoesNotEvenLookWhereThereIsNoLimit) {
    for (int i = 0; i < 1000; ++i) {
        const auto entered = enter({}, 0);
        ASSERT_TRUE(entered);
        EXPECT_EQ(entered->lease, LeaseHandle());
        EXPECT_EQ(entered->requests.limit, 0);
        EXPECT_TRUE(reserve({}, 10, 0));
    }
    EXPECT_EQ(memory.locked, 0U);
}

TEST_F(LedgerTest, AdmitsExactlyAsManyRequestsAMinuteAsTheKeyHas) {
    const KeyLimits limits{.requests_per_minute = 3};
    for (int i = 0; i < 3; ++i) {
        const auto entered = enter(limits, 15);
        ASSERT_TRUE(entered);
        EXPECT_EQ(entered->lease, LeaseHandle());
        EXPECT_EQ(entered->requests.limit, 3);
        EXPECT_EQ(entered->requests.remaining, 2 - i);
        EXPECT_EQ(entered->requests.reset_seconds, 45);
    }
    const auto refused = enter(limits, 59);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().retry_after, 1);
    EXPECT_NE(refused.error().message.find("3 requests per minute"), std::string::npos);
    EXPECT_TRUE(enter(limits, 59, "b")) << "another key has its own";
    EXPECT_EQ(enter(limits, 60)->requests.remaining, 2) << "a new minute";
}

TEST_F(LedgerTest, ARefusedRequestCostsNothing) {
    const KeyLimits limits{.requests_per_minute = 5, .concurrent = 1};
    const auto first = enter(limits, 0);
    ASSERT_TRUE(first);
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(enter(limits, 0));
    }
    ledger.leave(first->lease);
    EXPECT_EQ(enter(limits, 0)->requests.remaining, 3);
}

TEST_F(LedgerTest, HoldsAsManyRequestsAtOnceAsTheKeyMay) {
    const KeyLimits limits{.concurrent = 2};
    const auto one = enter(limits, 0);
    const auto two = enter(limits, 0);
    ASSERT_TRUE(one && two);
    EXPECT_NE(one->lease, LeaseHandle());
    EXPECT_NE(one->lease, two->lease);
    ASSERT_FALSE(enter(limits, 0));
    EXPECT_FALSE(enter(limits, 600)) << "time alone frees nothing";
    EXPECT_TRUE(enter(limits, 0, "b"));
    ledger.leave(one->lease);
    EXPECT_TRUE(enter(limits, 0));
    EXPECT_FALSE(enter(limits, 0));
    ledger.leave({});
    EXPECT_FALSE(enter(limits, 0)) << "no lease, nothing to leave";
}

TEST_F(LedgerTest, CountsImagesByTheMinuteAndTheDay) {
    const KeyLimits limits{.images_per_minute = 5, .images_per_day = 8};
    EXPECT_EQ(reserve(limits, 3, 0)->remaining, 2);
    ASSERT_FALSE(reserve(limits, 3, 59));
    EXPECT_EQ(reserve(limits, 2, 59)->remaining, 0);
    const auto refused = reserve(limits, 1, 30);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().retry_after, 30);
    EXPECT_NE(refused.error().message.find("5 images per minute"), std::string::npos);

    const auto day = reserve(limits, 2, 60);
    ASSERT_TRUE(day);
    EXPECT_EQ(day->limit, 8) << "the nearer of the two is told";
    EXPECT_EQ(day->remaining, 1);
    EXPECT_EQ(day->reset_seconds, 86400 - 60);
    const auto spent = reserve(limits, 2, 120);
    ASSERT_FALSE(spent);
    EXPECT_EQ(spent.error().retry_after, 86400 - 120);
    EXPECT_TRUE(reserve(limits, 1, 120));
    EXPECT_FALSE(reserve(limits, 1, 86399));
    EXPECT_EQ(reserve(limits, 5, 86400)->remaining, 0) << "a new day and a new minute";
}

TEST_F(LedgerTest, GivesImagesBackOnlyIntoTheWindowTheyWereTakenFrom) {
    const KeyLimits minute{.images_per_minute = 4};
    ASSERT_TRUE(reserve(minute, 4, 50));
    ledger.give_back_images(account("a"), 3, at(50));
    EXPECT_TRUE(reserve(minute, 3, 55));
    EXPECT_FALSE(reserve(minute, 1, 55));
    ASSERT_TRUE(reserve(minute, 2, 60));
    ledger.give_back_images(account("a"), 4, at(50));
    EXPECT_TRUE(reserve(minute, 2, 60));
    EXPECT_FALSE(reserve(minute, 1, 60)) << "what the last minute had is not this minute's";

    const KeyLimits day{.images_per_day = 20};
    ASSERT_TRUE(reserve(day, 9, 61));
    ledger.give_back_images(account("a"), 9, at(61));
    EXPECT_EQ(reserve(day, 1, 300)->remaining, 20 - 4 - 1) << "the day goes on over the minutes";
}

TEST_F(LedgerTest, NeverCountsBelowZero) {
    const KeyLimits limits{.images_per_minute = 2};
    ASSERT_TRUE(reserve(limits, 1, 0));
    ledger.give_back_images(account("a"), 9, at(0));
    ledger.give_back_images(account("nobody"), 9, at(0));
    EXPECT_TRUE(reserve(limits, 2, 0));
    EXPECT_FALSE(reserve(limits, 1, 0));
}

TEST_F(LedgerTest, SweepsTheLeasesOfProcessesThatAreGone) {
    const KeyLimits limits{.concurrent = 2};
    ASSERT_TRUE(enter(limits, 0, "a", 7));
    ASSERT_TRUE(enter(limits, 0, "a", 8));
    EXPECT_EQ(ledger.sweep(at(0), [](int32_t) { return true; }), 0U);
    EXPECT_FALSE(enter(limits, 0));
    EXPECT_EQ(ledger.sweep(at(0), [](int32_t process) { return process == 7; }), 1U);
    EXPECT_TRUE(enter(limits, 0));
    EXPECT_FALSE(enter(limits, 0));
}

TEST_F(LedgerTest, SweepsLeasesThatOutlivedTheirDeadline) {
    const KeyLimits limits{.concurrent = 1};
    const auto alive = [](int32_t) { return true; };
    ASSERT_TRUE(enter(limits, 10));
    EXPECT_EQ(ledger.sweep(at(11), alive), 0U);
    EXPECT_EQ(ledger.sweep({kMidnight + 11, 11001}, alive), 1U);
    EXPECT_EQ(ledger.sweep({kMidnight + 11, 11001}, alive), 0U);
    EXPECT_TRUE(enter(limits, 11));
}

// A slow client can hold a request longer than its lease: the body is read before run().
TEST_F(LedgerTest, LeavingASweptLeaseDoesNotReleaseItsNextHolder) {
    const KeyLimits limits{.concurrent = 1};
    const auto slow = enter(limits, 0, "slow");
    ASSERT_TRUE(slow);
    ASSERT_EQ(ledger.sweep(at(100), [](int32_t) { return true; }), 1U);
    const auto next = enter(limits, 100, "next");
    ASSERT_TRUE(next);
    ledger.leave(slow->lease);
    EXPECT_FALSE(enter(limits, 100, "next")) << "its one request is still running";
    ledger.leave(next->lease);
    EXPECT_TRUE(enter(limits, 100, "next"));
}

TEST_F(LedgerTest, ALeaseIsReleasedOnlyOnce) {
    const KeyLimits limits{.concurrent = 2};
    const auto one = enter(limits, 0);
    const auto two = enter(limits, 0);
    ASSERT_TRUE(one && two);
    ledger.leave(one->lease);
    ledger.leave(one->lease);
    EXPECT_TRUE(enter(limits, 0));
    EXPECT_FALSE(enter(limits, 0));
}

}  // namespace
}  // namespace gateway
