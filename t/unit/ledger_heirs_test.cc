// What a request holds is handed on: the sweep of its dead worker leaves it to another one, and the
// money counts once.
#include <gtest/gtest.h>

#include "fake_ports.h"
#include "ledger_parties.h"

namespace gateway {
namespace {

constexpr int32_t kDying = 8;
constexpr int32_t kHeir = 9;
constexpr int64_t kLongLease = 3'600'000;
constexpr MicroUsd kOneCent = 10'000;

class LedgerHeirsTest : public testing::Test {
 protected:
    LedgerHeirsTest() {
        EXPECT_TRUE(Ledger::prepare(memory.region(), true, 11));
        EXPECT_TRUE(Ledger::prepare_budgets(memory.budgets(), true, 12));
        before = ledger.counting_memory();
        held = shares_of({key_party(1, {.images_per_minute = 5, .concurrent = 1}, budgets)});
        EXPECT_TRUE(ledger.enter(held, at(0), kDying, kLongLease));
        EXPECT_TRUE(ledger.reserve(held, 2, 7 * kOneCent, at(0)));
        ledger.hand_on(held);
    }
    size_t sweep(int64_t second) {
        return ledger.sweep(
            at(second), [](int32_t process) { return process != kDying; },
            [this](const Orphaned &lost) { booked += lost.usd; });
    }
    bool adopt(int64_t second) { return ledger.adopt(held, before, at(second), kHeir, kLongLease); }
    KeyUse use() { return ledger.use_of(account(1), at(1)); }
    MicroUsd spent() { return use().spent[static_cast<size_t>(Period::day)]; }

    const std::vector<Budget> budgets = {{10 * kOneCent, Period::day}};
    FakeMemory memory{256 * 1024};
    Ledger ledger{memory, memory.budgets()};
    CountingMemory before;
    std::vector<PartyShare> held;
    MicroUsd booked = 0;
};

TEST_F(LedgerHeirsTest, WhatIsHandedOnStaysReservedUntilTheHeirSettlesIt) {
    EXPECT_EQ(sweep(0), 0U);
    EXPECT_FALSE(adopt(1));
    EXPECT_EQ(sweep(1'000), 0U) << "it is the heir's";
    auto others = shares_of({key_party(1, {.concurrent = 1}, budgets)});
    EXPECT_FALSE(ledger.enter(others, at(1), 7, kLongLease)) << "it still runs";
    ledger.settle(held, 1, 3 * kOneCent, at(2));
    EXPECT_EQ(spent(), 3 * kOneCent);
    EXPECT_EQ(booked, 0);
    EXPECT_TRUE(ledger.enter(others, at(2), 7, kLongLease));
    EXPECT_TRUE(ledger.reserve(others, 0, 7 * kOneCent, at(2)));
}

TEST_F(LedgerHeirsTest, WithoutAnHeirTheMoneyCountsAsSpentAfterAWhile) {
    EXPECT_EQ(sweep(0), 0U);
    EXPECT_EQ(sweep(119), 0U);
    EXPECT_EQ(sweep(121), 2U);
    EXPECT_EQ(booked, 7 * kOneCent);
    EXPECT_TRUE(adopt(122)) << "the late heir hears that it is spent";
    ledger.settle(held, 1, 0, at(122));
    EXPECT_EQ(spent(), 7 * kOneCent);
}

TEST_F(LedgerHeirsTest, AnHeirThatDiesHandsItOnAgain) {
    EXPECT_FALSE(adopt(1));
    const auto nobody = [](int32_t) { return false; };
    EXPECT_EQ(ledger.sweep(at(2), nobody, [](const Orphaned &) { FAIL(); }), 0U);
    EXPECT_FALSE(ledger.adopt(held, before, at(3), 10, kLongLease));
    ledger.settle(held, 2, kOneCent, at(4));
    EXPECT_EQ(spent(), kOneCent);
}

TEST_F(LedgerHeirsTest, InANewMemoryNothingIsHeldAndNothingOfAnotherIsTaken) {
    ASSERT_TRUE(Ledger::prepare(memory.region(), true, 21));
    ASSERT_TRUE(Ledger::prepare_budgets(memory.budgets(), true, 22));
    auto others = shares_of({key_party(1, {.concurrent = 1}, budgets)});
    ASSERT_TRUE(ledger.enter(others, at(1), 7, kLongLease));
    ASSERT_TRUE(ledger.reserve(others, 0, 5 * kOneCent, at(1)));
    EXPECT_FALSE(adopt(2)) << "it is not spent";
    EXPECT_EQ(held[0].lease.number, 0U);
    EXPECT_EQ(held[0].hold.number, 0U);
    ledger.settle(held, 1, 2 * kOneCent, at(3));
    EXPECT_EQ(spent(), 2 * kOneCent);
    EXPECT_EQ(use().used[0], 1) << "the other request still runs";
}

TEST_F(LedgerHeirsTest, ASettledLeaseIsNotAdopted) {
    auto gone = held;
    ledger.settle(held, 1, kOneCent, at(1));
    EXPECT_TRUE(ledger.adopt(gone, before, at(2), kHeir, kLongLease));
    EXPECT_EQ(gone[0].hold.number, 0U);
}

}  // namespace
}  // namespace gateway
