// The ledger: each limit is exact, windows expire, leases and money are given back.
#include "core/limits/ledger.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "core/limits/counted.h"
#include "failing_allocations.h"
#include "fake_ports.h"
#include "ledger_parties.h"

namespace gateway {
namespace {

constexpr int64_t kLease = 1000;
constexpr MicroUsd kCent = 10'000;

class LedgerTest : public testing::Test {
 protected:
    LedgerTest() { EXPECT_TRUE(Ledger::prepare(memory.region(), true)); }

    tl::expected<Quotas, Exceeded> enter(std::vector<PartyShare> &shares, int64_t second,
                                         int32_t process = 7) {
        return ledger.enter(shares, at(second), process, kLease);
    }
    // A request that asks for nothing and ends at once.
    tl::expected<Quotas, Exceeded> enter(const Limits &limits, int64_t second, uint64_t key = 1) {
        auto shares = shares_of({key_party(key, limits)});
        auto entered = enter(shares, second);
        ledger.settle(shares, 0, 0, at(second));
        return entered;
    }
    tl::expected<Quotas, Exceeded> reserve(const Limits &limits, int64_t images, int64_t second) {
        auto shares = shares_of({key_party(1, limits)});
        return ledger.reserve(shares, images, 0, at(second));
    }
    Quotas quotas(const Limits &limits, int64_t second) {
        auto shares = shares_of({key_party(1, limits)});
        return ledger.settle(shares, 0, 0, at(second));
    }
    // One request that is told to cost up to `max` and then costs `spent`.
    tl::expected<Quotas, Exceeded> spend(const std::vector<Budget> &budgets, MicroUsd max,
                                         MicroUsd spent, int64_t second) {
        auto shares = shares_of({key_party(1, {}, budgets)});
        auto may = enter(shares, second).and_then([&](const Quotas &) {
            return ledger.reserve(shares, 1, max, at(second));
        });
        ledger.settle(shares, 1, may ? spent : 0, at(second));
        return may;
    }

    FakeMemory memory{64 * 1024};
    Ledger ledger{memory, memory.budgets()};
};

TEST_F(LedgerTest, DoesNotEvenLookWhereThereIsNoLimit) {
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(enter({}, 0));
        ASSERT_TRUE(reserve({}, 10, 0));
    }
    EXPECT_EQ(quotas({}, 0).requests.limit, 0);
    EXPECT_EQ(memory.locked, 0U);
}

TEST_F(LedgerTest, EachStepTakesTheLockOnceAndTellsWhatIsLeft) {
    const Limits key{.requests_per_minute = 10, .images_per_minute = 9};
    const Limits user{.requests_per_minute = 20, .images_per_day = 4};
    auto shares = shares_of({key_party(1, key), end_user_party(1, 1, user)});
    const auto entered = enter(shares, 0);
    ASSERT_TRUE(entered);
    EXPECT_EQ(entered->requests.remaining, 9);
    EXPECT_EQ(entered->images.remaining, 4) << "of the end user, who is nearer to it";
    const auto reserved = ledger.reserve(shares, 3, 0, at(0));
    ASSERT_TRUE(reserved);
    EXPECT_EQ(reserved->images.remaining, 1);
    const Quotas settled = ledger.settle(shares, 1, 0, at(0));
    EXPECT_EQ(settled.requests.remaining, 9);
    EXPECT_EQ(settled.images.remaining, 3);
    EXPECT_EQ(memory.locked, 3U);
}

TEST_F(LedgerTest, AdmitsExactlyAsManyRequestsAMinuteAsTheKeyHas) {
    const Limits limits{.requests_per_minute = 3};
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(enter(limits, 15 + i));
        EXPECT_EQ(quotas(limits, 15 + i).requests.limit, 3);
        EXPECT_EQ(quotas(limits, 15 + i).requests.remaining, 2 - i);
    }
    EXPECT_EQ(quotas(limits, 20).requests.reset_seconds, 58);
    const auto refused = enter(limits, 59);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().what, Exceeded::What::rate);
    EXPECT_EQ(refused.error().retry_after, 17) << "the first was at 15";
    EXPECT_NE(message_of(refused.error()).find("3 requests per minute for this key"),
              std::string::npos);
    EXPECT_TRUE(enter(limits, 59, 2)) << "another key has its own";
    EXPECT_FALSE(enter(limits, 75));
    EXPECT_TRUE(enter(limits, 76)) << "the first is more than a minute ago";
    EXPECT_FALSE(enter(limits, 76));
    EXPECT_TRUE(enter(limits, 77));
}

TEST_F(LedgerTest, ARefusedRequestCostsNothing) {
    const Limits limits{.requests_per_minute = 5, .concurrent = 1};
    auto first = shares_of({key_party(1, limits)});
    ASSERT_TRUE(enter(first, 0));
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(enter(limits, 0));
    }
    ledger.settle(first, 0, 0, at(0));
    EXPECT_TRUE(enter(limits, 0));
    EXPECT_EQ(quotas(limits, 0).requests.remaining, 3);
}

TEST_F(LedgerTest, HoldsAsManyRequestsAtOnceAsTheKeyMay) {
    const Limits limits{.concurrent = 2};
    auto one = shares_of({key_party(1, limits)});
    auto two = shares_of({key_party(1, limits)});
    ASSERT_TRUE(enter(one, 0));
    ASSERT_TRUE(enter(two, 0));
    const auto refused = enter(limits, 0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().retry_after, 1);
    EXPECT_FALSE(enter(limits, 600)) << "time alone frees nothing";
    EXPECT_TRUE(enter(limits, 0, 2));
    ledger.settle(one, 0, 0, at(0));
    ledger.settle(one, 0, 0, at(0));
    EXPECT_TRUE(enter(limits, 0)) << "free, and given back at once";
    auto three = shares_of({key_party(1, limits)});
    ASSERT_TRUE(enter(three, 0));
    EXPECT_FALSE(enter(limits, 0)) << "settled twice, but given back once";
}

TEST_F(LedgerTest, CountsImagesByTheMinuteAndTheDay) {
    const Limits limits{.images_per_minute = 5, .images_per_day = 8};
    ASSERT_TRUE(reserve(limits, 3, 0));
    EXPECT_EQ(quotas(limits, 0).images.remaining, 2);
    ASSERT_FALSE(reserve(limits, 3, 59));
    ASSERT_TRUE(reserve(limits, 2, 59));
    const auto refused = reserve(limits, 1, 59);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().retry_after, 2);
    EXPECT_NE(message_of(refused.error()).find("5 images per minute"), std::string::npos);

    ASSERT_TRUE(reserve(limits, 2, 61));
    const Quota day = quotas(limits, 61).images;
    EXPECT_EQ(day.limit, 5) << "the nearer of the two is told";
    EXPECT_EQ(day.remaining, 1);
    ASSERT_TRUE(reserve(limits, 1, 130));
    EXPECT_EQ(quotas(limits, 130).images.limit, 8);
    EXPECT_EQ(quotas(limits, 130).images.reset_seconds, 86400 - 130);
    const auto spent = reserve(limits, 1, 300);
    ASSERT_FALSE(spent);
    EXPECT_EQ(spent.error().retry_after, 86400 - 300);
    EXPECT_FALSE(reserve(limits, 1, 86399));
    EXPECT_TRUE(reserve(limits, 5, 86400)) << "a new day and a new minute";
}

TEST_F(LedgerTest, WhatWasNotUsedComesBackToWhereItWasTakenFrom) {
    const Limits limits{.images_per_minute = 6, .images_per_day = 10};
    auto shares = shares_of({key_party(1, limits)});
    ASSERT_TRUE(ledger.reserve(shares, 3, 0, at(0)));
    ASSERT_TRUE(ledger.reserve(shares, 3, 0, at(30)));
    ledger.settle(shares, 2, 0, at(40));
    EXPECT_EQ(quotas(limits, 40).images.remaining, 4);
    EXPECT_EQ(quotas(limits, 61).images.remaining, 6) << "the two that were used were the first";
    EXPECT_FALSE(reserve({.images_per_day = 10}, 9, 200));
    EXPECT_TRUE(reserve({.images_per_day = 10}, 8, 200));
}

TEST_F(LedgerTest, YesterdaysImagesDoNotComeBackToday) {
    const Limits limits{.images_per_day = 10};
    auto shares = shares_of({key_party(1, limits)});
    ASSERT_TRUE(ledger.reserve(shares, 5, 0, at(86390)));
    ASSERT_TRUE(reserve(limits, 4, 86405));
    ledger.settle(shares, 0, 0, at(86410));
    EXPECT_FALSE(reserve(limits, 7, 86420));
    EXPECT_TRUE(reserve(limits, 6, 86420));
}

TEST_F(LedgerTest, AWorkerWhoseClockIsBehindDoesNotBringYesterdayBack) {
    const Limits limits{.images_per_day = 10};
    ASSERT_TRUE(reserve(limits, 6, 86400));
    EXPECT_FALSE(reserve(limits, 5, 86399)) << "midnight has passed for others";
    EXPECT_FALSE(reserve(limits, 5, 86400));
    EXPECT_TRUE(reserve(limits, 4, 86400));
}

TEST_F(LedgerTest, ARequestCountsForAllItsPartiesOrForNone) {
    const Limits key{.requests_per_minute = 10, .images_per_minute = 10, .concurrent = 10};
    const Limits user{.requests_per_minute = 2, .images_per_minute = 3, .concurrent = 1};
    auto shares = shares_of({key_party(1, key), end_user_party(1, 1, user)});
    ASSERT_TRUE(enter(shares, 0));
    auto second = shares_of({key_party(1, key), end_user_party(1, 1, user)});
    const auto refused = enter(second, 0);
    ASSERT_FALSE(refused);
    EXPECT_NE(message_of(refused.error()).find("1 concurrent requests for this end user"),
              std::string::npos);
    EXPECT_EQ(quotas(key, 0).requests.remaining, 9) << "only the first counts";

    ASSERT_TRUE(ledger.reserve(shares, 2, 0, at(0)));
    ASSERT_FALSE(ledger.reserve(shares, 2, 0, at(0)));
    EXPECT_EQ(quotas(key, 0).images.remaining, 8);
    EXPECT_EQ(ledger.settle(shares, 2, 0, at(0)).images.remaining, 1) << "the nearer of the two";
    ASSERT_TRUE(enter(second, 0));
    auto other = shares_of({key_party(1, key), end_user_party(1, 2, user)});
    EXPECT_TRUE(enter(other, 0)) << "another end user has its own";
    EXPECT_EQ(quotas(key, 0).requests.remaining, 7);
}

TEST_F(LedgerTest, ABudgetIsReservedAtTheMostAndSettledAtTheTruth) {
    const std::vector<Budget> budgets = {{10 * kCent, Period::day}};
    auto shares = shares_of({key_party(1, {}, budgets)});
    ASSERT_TRUE(enter(shares, 0));
    ASSERT_TRUE(ledger.reserve(shares, 1, 8 * kCent, at(0)));
    const auto refused = spend(budgets, 3 * kCent, 3 * kCent, 0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().what, Exceeded::What::budget);
    EXPECT_EQ(message_of(refused.error()),
              "The budget of this key, $0.1 per day, has $0.02 left, and this request may cost up "
              "to $0.03. It renews at 2027-01-16T00:00:00Z.");
    ledger.settle(shares, 1, 4 * kCent, at(0));
    EXPECT_TRUE(spend(budgets, 6 * kCent, 6 * kCent, 0));
    const auto spent = spend(budgets, 0, 0, 0);
    ASSERT_FALSE(spent) << "told on entering";
    EXPECT_EQ(message_of(spent.error()),
              "The budget of this key, $0.1 per day, is spent. It renews at 2027-01-16T00:00:00Z.");
    EXPECT_TRUE(spend(budgets, 10 * kCent, 1, 86400));
}

TEST_F(LedgerTest, EachBudgetHoldsByItself) {
    const std::vector<Budget> budgets = {{2 * kCent, Period::hour}, {3 * kCent, Period::lifetime}};
    EXPECT_TRUE(spend(budgets, 2 * kCent, 2 * kCent, 0));
    EXPECT_FALSE(spend(budgets, kCent, kCent, 3599));
    EXPECT_TRUE(spend(budgets, kCent, kCent, 3600));
    const auto refused = spend(budgets, kCent, kCent, 400 * 86400);
    ASSERT_FALSE(refused);
    EXPECT_EQ(message_of(refused.error()),
              "The budget of this key, $0.03 in all, is spent. It does not renew.");
}

TEST_F(LedgerTest, WhatAKeyWithoutABudgetSpendsCountsWhenItIsGivenOne) {
    auto shares = shares_of({key_party(1, {})});
    ASSERT_TRUE(enter(shares, 0));
    ledger.settle(shares, 1, 5 * kCent, at(0));
    EXPECT_FALSE(spend({{5 * kCent, Period::month}}, kCent, kCent, 10));
    EXPECT_TRUE(spend({{6 * kCent, Period::month}}, kCent, kCent, 10));
}

TEST_F(LedgerTest, MoneyOfAWorkerThatDiedMayHaveBeenSpent) {
    const std::vector<Budget> budgets = {{10 * kCent, Period::day}};
    auto dead = shares_of({key_party(1, {}, budgets)});
    ASSERT_TRUE(enter(dead, 0, 8));
    ASSERT_TRUE(ledger.reserve(dead, 1, 7 * kCent, at(0)));
    auto alive = shares_of({key_party(1, {}, budgets)});
    ASSERT_TRUE(enter(alive, 0, 9));
    std::vector<Orphaned> orphaned;
    const auto sweep = [&] {
        return ledger.sweep(
            at(0), [](int32_t process) { return process != 8; },
            [&](const Orphaned &lost) { orphaned.push_back(lost); });
    };
    EXPECT_EQ(sweep(), 1U);
    EXPECT_EQ(sweep(), 0U);
    ASSERT_EQ(orphaned.size(), 1U);
    EXPECT_EQ(orphaned[0].key, "k");
    EXPECT_EQ(orphaned[0].usd, 7 * kCent);
    EXPECT_FALSE(spend(budgets, 4 * kCent, 0, 0));
    EXPECT_TRUE(spend(budgets, 3 * kCent, 0, 0));
    ledger.settle(dead, 1, 0, at(0));
    EXPECT_TRUE(spend(budgets, 3 * kCent, 3 * kCent, 0)) << "a late settling changes nothing";
    EXPECT_FALSE(spend(budgets, 1, 0, 0));
}

// Counts the allocations while the lock is held.
class WatchedMemory final : public SharedMemory {
 public:
    explicit WatchedMemory(FakeMemory &memory) : memory_(memory) {}
    [[nodiscard]] std::span<std::byte> region() const override { return memory_.region(); }
    void lock() noexcept override {
        memory_.lock();
        window_.emplace(allocations_);
    }
    void unlock() noexcept override {
        window_.reset();
        memory_.unlock();
    }
    [[nodiscard]] int64_t allocations() const { return allocations_.count(); }

 private:
    FakeMemory &memory_;
    FailingAllocations allocations_{0};
    std::optional<FailingAllocations::Window> window_;
};

TEST_F(LedgerTest, AllocatesNothingWhileItHoldsTheLock) {
    const std::string name(64, 'k');
    const std::vector<Budget> budgets = {{100 * kCent, Period::day}};
    Party party = key_party(1, {}, budgets);
    party.key = name;
    for (int i = 0; i < 200; ++i) {
        auto dead = shares_of({party});
        ASSERT_TRUE(enter(dead, 0, 8));
        ASSERT_TRUE(ledger.reserve(dead, 1, 1, at(0)));
    }
    WatchedMemory watched(memory);
    Ledger other(watched, memory.budgets());
    size_t orphaned = 0;
    EXPECT_EQ(other.sweep(
                  at(0), [](int32_t process) { return process != 8; },
                  [&](const Orphaned &lost) { orphaned += lost.key == name ? 1 : 0; }),
              200U);
    EXPECT_EQ(orphaned, 200U);
    const Account accounts[] = {party.account};
    EXPECT_EQ(other.sums_of(accounts)[0].key, name);
    EXPECT_EQ(other.unwritten().size(), 1U);
    EXPECT_EQ(counted_in(watched, memory.budgets()).size(), 2U);
    EXPECT_EQ(watched.allocations(), 0);
}

TEST_F(LedgerTest, SweepsLeasesOfProcessesThatAreGoneAndThoseThatOutlivedTheirDeadline) {
    const Limits limits{.concurrent = 2};
    auto gone = shares_of({key_party(1, limits)});
    auto stuck = shares_of({key_party(1, limits)});
    ASSERT_TRUE(enter(gone, 0, 8));
    ASSERT_TRUE(enter(stuck, 0, 9));
    const auto sweep = [&](int64_t second, bool all_alive) {
        return ledger.sweep(
            at(second), [=](int32_t process) { return all_alive || process != 8; },
            [](const Orphaned &) { FAIL() << "no money was held"; });
    };
    EXPECT_EQ(sweep(0, true), 0U);
    EXPECT_EQ(sweep(0, false), 1U);
    ledger.settle(gone, 0, 0, at(0));
    auto next = shares_of({key_party(1, limits)});
    ASSERT_TRUE(enter(next, 0));
    EXPECT_FALSE(enter(limits, 0)) << "the late one did not let go of another's";
    EXPECT_EQ(sweep(2, true), 2U) << "both have outlived it";
}

TEST_F(LedgerTest, OneProcessBringsBackWhatWasUsedBefore) {
    const auto alive = [](int32_t process) { return process != 8; };
    EXPECT_EQ(ledger.begin_restoring(8, alive), Ledger::Restoring::ours);
    EXPECT_EQ(ledger.begin_restoring(9, alive), Ledger::Restoring::ours) << "8 is gone";
    EXPECT_EQ(ledger.begin_restoring(10, alive), Ledger::Restoring::others);
    const Party party = key_party(1, {});
    const int64_t month = number_of(Period::month, kMidnight);
    const auto restore = [&] {
        EXPECT_TRUE(ledger.restore_spent(party.account, "k", Period::month, month, 4 * kCent));
        EXPECT_TRUE(ledger.restore_spent(party.account, "k", Period::month, month - 1, 70 * kCent));
        ledger.restore_images(party, 5, at(0));
    };
    restore();
    restore();  // as one that takes over from a dead one does
    ledger.end_restoring();
    EXPECT_EQ(ledger.begin_restoring(10, alive), Ledger::Restoring::done);
    EXPECT_FALSE(spend({{5 * kCent, Period::month}}, 2 * kCent, 0, 0));
    EXPECT_TRUE(spend({{5 * kCent, Period::month}}, kCent, 0, 0));
    EXPECT_FALSE(reserve({.images_per_day = 7}, 2, 0)) << "five, and the one of the request above";
    EXPECT_TRUE(reserve({.images_per_day = 7}, 1, 0));
}

TEST_F(LedgerTest, WhatWasUsedWhileItWasBroughtBackCountsToo) {
    const Party party = key_party(1, {});
    const int64_t month = number_of(Period::month, kMidnight);
    ASSERT_TRUE(spend({{9 * kCent, Period::month}}, 3 * kCent, 3 * kCent, 0));
    ASSERT_TRUE(ledger.restore_spent(party.account, "k", Period::month, month, 4 * kCent));
    EXPECT_FALSE(spend({{9 * kCent, Period::month}}, 3 * kCent, 0, 0));
    EXPECT_TRUE(spend({{9 * kCent, Period::month}}, 2 * kCent, 0, 0));
}

// As after a reload with another size of the zone.
TEST_F(LedgerTest, BudgetRecordsGoOnWithAnotherRegion) {
    const std::vector<Budget> budgets = {{9 * kCent, Period::lifetime}};
    const auto alive = [](int32_t) { return true; };
    ASSERT_EQ(ledger.begin_restoring(7, alive), Ledger::Restoring::ours);
    ledger.end_restoring();
    auto running = shares_of({key_party(1, {.concurrent = 1}, budgets)});
    ASSERT_TRUE(enter(running, 0));
    ASSERT_TRUE(ledger.reserve(running, 1, 4 * kCent, at(0)));
    FakeMemory other(128 * 1024);
    ASSERT_TRUE(Ledger::prepare(other.region(), true));
    Ledger young(other, memory.budgets());
    EXPECT_EQ(young.begin_restoring(8, alive), Ledger::Restoring::ours) << "days";
    EXPECT_EQ(ledger.begin_restoring(7, alive), Ledger::Restoring::done) << "the old one goes on";
    young.end_restoring();
    auto next = shares_of({key_party(1, {.concurrent = 1}, budgets)});
    ASSERT_TRUE(young.enter(next, at(0), 8, kLease));
    EXPECT_FALSE(young.reserve(next, 1, 6 * kCent, at(0))) << "the old one holds some";
    ASSERT_TRUE(young.reserve(next, 1, 5 * kCent, at(0)));
    ledger.settle(running, 1, 4 * kCent, at(0));
    young.settle(next, 1, 5 * kCent, at(0));
    EXPECT_FALSE(spend(budgets, 0, 0, 0));
    auto last = shares_of({key_party(1, {}, budgets)});
    EXPECT_FALSE(young.enter(last, at(0), 8, kLease));
}

TEST_F(LedgerTest, KnowsWhatIsNotWrittenDownYet) {
    EXPECT_TRUE(ledger.unwritten().empty());
    for (uint64_t key = 0; key < 300; ++key) {
        auto shares = shares_of({key_party(key, {})});
        ledger.settle(shares, 1, kCent, at(0));
    }
    EXPECT_EQ(ledger.unwritten().size(), 300U);
    const Account one = account(7);
    const auto sums = ledger.sums_of({&one, 1});
    ASSERT_EQ(sums.size(), 1U);
    EXPECT_EQ(sums[0].key, "k");
    EXPECT_EQ(sums[0].spent[static_cast<size_t>(Period::day)].used, kCent);
    auto shares = shares_of({key_party(7, {})});
    ledger.settle(shares, 1, kCent, at(0));
    ledger.note_written(sums);
    EXPECT_EQ(ledger.unwritten().size(), 300U) << "it has spent more since";
    ledger.note_written(ledger.sums_of({&one, 1}));
    EXPECT_EQ(ledger.unwritten().size(), 299U);
}

TEST_F(LedgerTest, MoneyIsCountedOnlyForThoseWhoMayHaveABudget) {
    for (uint64_t subject = 0; subject < 2'000; ++subject) {
        Party bearer = key_party(subject, {});
        bearer.has_budget_record = false;
        auto shares = shares_of({bearer, end_user_party(subject, 1, {})});
        ledger.settle(shares, 1, kCent, at(0));
    }
    EXPECT_TRUE(ledger.unwritten().empty());
}

TEST_F(LedgerTest, MoreImagesAtOnceThanALimitEverAllowsAreNotWaitedFor) {
    auto shares = shares_of({key_party(1, {.images_per_minute = 2, .images_per_day = 9}),
                             end_user_party(1, 1, {.images_per_day = 3})});
    ASSERT_TRUE(ledger.reserve(shares, 2, 0, at(0)));
    const auto busy = ledger.reserve(shares, 1, 0, at(0));
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().what, Exceeded::What::rate);
    const auto never = ledger.reserve(shares, 3, 0, at(0));
    ASSERT_FALSE(never);
    EXPECT_EQ(never.error().what, Exceeded::What::never) << "although it is also too early";
    EXPECT_EQ(message_of(never.error()),
              "'n' is more than the limit of 2 images per minute for this key: ask for at most "
              "that many images at once.");
    auto others = shares_of(
        {key_party(2, {.images_per_minute = 8}), end_user_party(2, 1, {.images_per_day = 3})});
    EXPECT_EQ(ledger.reserve(others, 4, 0, at(0)).error().what, Exceeded::What::never);
    EXPECT_TRUE(ledger.reserve(others, 3, 0, at(0))) << "nothing was counted for the key";
}

}  // namespace
}  // namespace gateway
