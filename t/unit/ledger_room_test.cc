// The ledger's memory: laid out, taken over, refused; and what happens when it is full.
#include <gtest/gtest.h>

#include <vector>

#include "core/limits/ledger.h"
#include "fake_ports.h"

namespace gateway {
namespace {

constexpr int64_t kNow = 1'800'000'000;

Account account(uint64_t number) {
    return {number * 0x9E3779B97F4A7C15ULL + 1, number + 1};
}

Moment at(int64_t seconds) {
    return {kNow + seconds, seconds * 1000};
}

TEST(LedgerRoom, RefusesARegionThatIsTooSmall) {
    FakeMemory memory(Ledger::least_size());
    EXPECT_TRUE(Ledger::prepare(memory.region(), true));
    FakeMemory smaller(Ledger::least_size() - 8);
    EXPECT_FALSE(Ledger::prepare(smaller.region(), true));
    EXPECT_FALSE(Ledger::prepare({}, true));
}

TEST(LedgerRoom, ARegionTakenOverKeepsItsCounts) {
    FakeMemory memory(32 * 1024);
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    const KeyLimits limits{.requests_per_minute = 3, .concurrent = 2};
    LeaseHandle lease;
    {
        Ledger before(memory);
        lease = before.enter(account(1), limits, at(0), 7, 1000)->lease;
        ASSERT_TRUE(before.enter(account(1), limits, at(0), 7, 1000));
    }
    ASSERT_TRUE(Ledger::prepare(memory.region(), false));
    Ledger after(memory);
    EXPECT_FALSE(after.enter(account(1), limits, at(0), 8, 1000)) << "both leases are held";
    after.leave(lease);
    EXPECT_TRUE(after.enter(account(1), limits, at(0), 8, 1000));
    after.leave(lease);
    EXPECT_FALSE(after.enter(account(1), limits, at(0), 8, 1000)) << "three in this minute";
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    EXPECT_TRUE(after.enter(account(1), limits, at(0), 8, 1000)) << "fresh: all forgotten";
}

TEST(LedgerRoom, DoesNotTakeOverWhatIsNotItsOwn) {
    FakeMemory memory(32 * 1024);
    EXPECT_FALSE(Ledger::prepare(memory.region(), false)) << "zeroes";
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    EXPECT_FALSE(Ledger::prepare(memory.region().first(16 * 1024), false)) << "another size";
    EXPECT_TRUE(Ledger::prepare(memory.region(), false));
    memory.region()[0] ^= std::byte{1};
    EXPECT_FALSE(Ledger::prepare(memory.region(), false)) << "another layout";
}

TEST(LedgerRoom, WhenLeasesRunOutNobodyGetsInWithoutOne) {
    FakeMemory memory(Ledger::least_size());
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    Ledger ledger(memory);
    const KeyLimits limits{.concurrent = 100'000};
    std::vector<LeaseHandle> leases;
    while (const auto entered = ledger.enter(account(1), limits, at(0), 7, 1000)) {
        ASSERT_NE(entered->lease.number, 0U);
        leases.push_back(entered->lease);
        ASSERT_LT(leases.size(), 10'000U);
    }
    EXPECT_GE(leases.size(), 16U);
    EXPECT_EQ(ledger.enter(account(1), limits, at(0), 7, 1000).error().retry_after, 60);
    for (const LeaseHandle lease : leases) {
        ledger.leave(lease);
    }
    for (size_t i = 0; i < leases.size(); ++i) {
        EXPECT_TRUE(ledger.enter(account(1), limits, at(0), 7, 1000));
    }
    EXPECT_FALSE(ledger.enter(account(1), limits, at(0), 7, 1000));
}

// More keys than there is room for: those inside keep their limits, those outside are told so.
TEST(LedgerRoom, AFullSetNeitherAdmitsEveryoneNorLocksEveryoneOut) {
    FakeMemory memory(Ledger::least_size());
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    Ledger ledger(memory);
    const KeyLimits limits{.requests_per_minute = 2};
    std::vector<uint64_t> inside;
    size_t outside = 0;
    for (uint64_t key = 0; key < 500; ++key) {
        if (ledger.enter(account(key), limits, at(0), 7, 1000)) {
            inside.push_back(key);
        } else {
            ++outside;
        }
    }
    EXPECT_GE(inside.size(), 8U);
    EXPECT_GT(outside, 0U);
    for (const uint64_t key : inside) {
        EXPECT_TRUE(ledger.enter(account(key), limits, at(1), 7, 1000)) << key;
        EXPECT_FALSE(ledger.enter(account(key), limits, at(1), 7, 1000)) << key;
    }
    size_t later = 0;
    for (uint64_t key = 500; key < 1000; ++key) {
        later += ledger.enter(account(key), limits, at(60), 7, 1000) ? 1 : 0;
    }
    EXPECT_EQ(later, inside.size()) << "in the next minute their places are free again";
}

TEST(LedgerRoom, DoesNotForgetAKeyThatHasSomethingToLose) {
    FakeMemory memory(Ledger::least_size());
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    Ledger ledger(memory);
    const KeyLimits day{.images_per_day = 5};
    const KeyLimits running{.concurrent = 1};
    ASSERT_TRUE(ledger.reserve_images(account(1), day, 5, at(0)));
    ASSERT_TRUE(ledger.enter(account(2), running, at(0), 7, 1'000'000));
    for (int64_t minute = 1; minute < 20; ++minute) {
        for (uint64_t key = 10; key < 200; ++key) {
            (void)ledger.enter(account(key), {.requests_per_minute = 1}, at(minute * 60), 7, 1000);
        }
        EXPECT_FALSE(ledger.reserve_images(account(1), day, 1, at(minute * 60)));
        EXPECT_FALSE(ledger.enter(account(2), running, at(minute * 60), 7, 1000));
    }
}

}  // namespace
}  // namespace gateway
