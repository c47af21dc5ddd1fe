// Requests that wait: they have no place under `concurrent`, and what they reserve is not spent if
// their worker dies. And the places of jobs that wait, over all workers.
#include <gtest/gtest.h>

#include "core/limits/waiting_places.h"
#include "fake_ports.h"
#include "ledger_parties.h"

namespace gateway {
namespace {

constexpr int32_t kHere = 7;
constexpr int32_t kDying = 8;
constexpr int64_t kLongLease = 3'600'000;
constexpr MicroUsd kOneCent = 10'000;

class LedgerWaitingTest : public testing::Test {
 protected:
    LedgerWaitingTest() {
        EXPECT_TRUE(Ledger::prepare(memory.region(), true, 11));
        EXPECT_TRUE(Ledger::prepare_budgets(memory.budgets(), true, 12));
    }
    std::vector<PartyShare> shares(bool waits) {
        auto made = shares_of({key_party(
            1, {.requests_per_minute = 3, .images_per_minute = 5, .concurrent = 1}, budgets)});
        made.front().waits = waits;
        return made;
    }
    bool enter(std::vector<PartyShare> &shares, int32_t process = kHere) {
        return ledger.enter(shares, at(0), process, kLongLease).has_value();
    }
    bool admit(std::vector<PartyShare> &shares, int32_t process = kHere) {
        return ledger.admit(shares, at(0), process, kLongLease).has_value();
    }
    size_t sweep() {
        return ledger.sweep(
            at(1), [](int32_t process) { return process != kDying; },
            [this](const Orphaned &lost) { booked += lost.usd; });
    }
    MicroUsd spent() {
        return ledger.use_of(account(1), at(1)).spent[static_cast<size_t>(Period::day)];
    }

    const std::vector<Budget> budgets = {{10 * kOneCent, Period::day}};
    FakeClock clock;
    FakeMemory memory{256 * 1024};
    Ledger ledger{memory, memory.budgets()};
    MicroUsd booked = 0;
};

TEST_F(LedgerWaitingTest, WhoWaitsTakesAPlaceWhenItIsAdmitted) {
    auto first = shares(false);
    auto second = shares(true);
    EXPECT_TRUE(enter(first));
    EXPECT_TRUE(enter(second));
    EXPECT_FALSE(admit(second));
    ledger.settle(first, 0, 0, at(0));
    EXPECT_TRUE(admit(second));
    auto third = shares(false);
    EXPECT_FALSE(enter(third)) << "the second one has the only place";
    ledger.settle(second, 0, 0, at(0));
    EXPECT_TRUE(enter(third));
}

TEST_F(LedgerWaitingTest, WhoWaitsIsCountedByAllOtherLimits) {
    auto first = shares(true);
    auto second = shares(true);
    auto third = shares(true);
    auto fourth = shares(true);
    EXPECT_TRUE(enter(first));
    EXPECT_TRUE(enter(second));
    EXPECT_TRUE(enter(third));
    const auto refused = ledger.enter(fourth, at(0), kHere, kLongLease);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().counted, "requests per minute");
    EXPECT_TRUE(ledger.reserve(first, 4, 4 * kOneCent, at(0)));
    EXPECT_FALSE(ledger.reserve(second, 4, kOneCent, at(0))) << "images of the minute";
    EXPECT_FALSE(ledger.reserve(second, 1, 7 * kOneCent, at(0))) << "money";
}

TEST_F(LedgerWaitingTest, WhoStepsBackLeavesItsPlaceToOthers) {
    auto first = shares(false);
    auto second = shares(false);
    EXPECT_TRUE(enter(first));
    ledger.step_back(first, at(0));
    EXPECT_TRUE(enter(second));
    EXPECT_FALSE(admit(first));
    ledger.settle(second, 0, 0, at(0));
    EXPECT_TRUE(admit(first));
}

TEST_F(LedgerWaitingTest, WhatADeadWorkersWaitingRequestsReservedIsNotSpent) {
    auto waits = shares(true);
    auto begun = shares(true);
    EXPECT_TRUE(enter(waits, kDying));
    EXPECT_TRUE(ledger.reserve(waits, 1, 3 * kOneCent, at(0)));
    EXPECT_TRUE(enter(begun, kDying));
    EXPECT_TRUE(ledger.reserve(begun, 1, 4 * kOneCent, at(0)));
    EXPECT_TRUE(admit(begun, kDying));
    sweep();
    EXPECT_EQ(booked, 4 * kOneCent);
    EXPECT_EQ(spent(), 4 * kOneCent);
    auto next = shares(false);
    EXPECT_TRUE(enter(next));
    EXPECT_TRUE(ledger.reserve(next, 1, 6 * kOneCent, at(1))) << "nothing is reserved any more";
}

TEST_F(LedgerWaitingTest, ACallerHasAQuarterOfThePlacesOfAllWorkers) {
    WaitingPlaces here(ledger, clock, kHere);
    WaitingPlaces there(ledger, clock, kDying);
    constexpr Milliseconds kLong{kLongLease};
    std::vector<std::unique_ptr<WaitingPlaces::Place>> held;
    const auto take = [&](WaitingPlaces &places, uint64_t caller) {
        auto place = places.take({caller, caller}, 8, kLong);
        const bool taken = place != nullptr;
        held.push_back(std::move(place));
        return taken;
    };
    EXPECT_TRUE(take(here, 1));
    EXPECT_TRUE(take(there, 1));
    EXPECT_FALSE(take(here, 1));
    EXPECT_FALSE(take(there, 1));
    for (uint64_t caller = 2; caller <= 4; ++caller) {
        EXPECT_TRUE(take(here, caller));
        EXPECT_TRUE(take(there, caller));
    }
    EXPECT_FALSE(take(here, 5)) << "all are taken";
    held.front().reset();
    EXPECT_TRUE(take(there, 5));
    EXPECT_FALSE(take(here, 1)) << "all are taken again";
    EXPECT_EQ(WaitingPlaces(ledger, clock, kHere).take({9, 9}, 0, kLong), nullptr);
}

TEST_F(LedgerWaitingTest, ThePlacesOfADeadWorkerAreFreeAgain) {
    WaitingPlaces here(ledger, clock, kHere);
    WaitingPlaces there(ledger, clock, kDying);
    const auto lost = there.take({1, 1}, 1, Milliseconds(kLongLease));
    ASSERT_NE(lost, nullptr);
    EXPECT_EQ(here.take({2, 2}, 1, Milliseconds(kLongLease)), nullptr);
    sweep();
    const auto next = here.take({2, 2}, 1, Milliseconds(kLongLease));
    EXPECT_NE(next, nullptr);
}

}  // namespace
}  // namespace gateway
