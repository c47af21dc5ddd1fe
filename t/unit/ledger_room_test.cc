// The ledger's memory: creating it, taking it over, refusing it, and what happens when it is full.
#include <gtest/gtest.h>

#include <vector>

#include "core/limits/ledger.h"
#include "fake_ports.h"
#include "ledger_parties.h"

namespace gateway {
namespace {

constexpr Budget kLittle[] = {{100, Period::lifetime}};

class LedgerRoom : public testing::Test {
 protected:
    explicit LedgerRoom(size_t size = Ledger::min_size()) : memory(size) {
        EXPECT_TRUE(Ledger::prepare(memory.region(), true));
    }
    bool enter(const Party &party, int64_t second) {
        auto shares = shares_of({party});
        const bool entered = ledger.enter(shares, at(second), 7, 1000).has_value();
        ledger.settle(shares, 0, 0, at(second));
        return entered;
    }
    bool enter_key(uint64_t key, int64_t second) {
        return enter(key_party(key, {.requests_per_minute = 2}), second);
    }
    bool enter_user(uint64_t key, uint64_t user, int64_t second) {
        return enter(end_user_party(key, user, {.requests_per_minute = 2}), second);
    }

    FakeMemory memory;
    Ledger ledger{memory, memory.budgets()};
};

TEST(LedgerMemory, RefusesARegionThatIsTooSmall) {
    FakeMemory memory(Ledger::min_size());
    EXPECT_TRUE(Ledger::prepare(memory.region(), true));
    FakeMemory smaller(Ledger::min_size() - 8);
    EXPECT_FALSE(Ledger::prepare(smaller.region(), true));
    EXPECT_FALSE(Ledger::prepare({}, true));
}

TEST_F(LedgerRoom, ARegionTakenOverKeepsItsCounts) {
    const Party party = key_party(1, {.requests_per_minute = 3, .concurrent = 2});
    auto one = shares_of({party});
    auto two = shares_of({party});
    ASSERT_TRUE(ledger.enter(one, at(0), 7, 1000));
    ASSERT_TRUE(ledger.enter(two, at(0), 7, 1000));
    ASSERT_TRUE(Ledger::prepare(memory.region(), false));
    Ledger after(memory, memory.budgets());
    auto next = shares_of({party});
    EXPECT_FALSE(after.enter(next, at(0), 8, 1000)) << "both leases are held";
    after.settle(one, 0, 0, at(0));
    EXPECT_TRUE(after.enter(next, at(0), 8, 1000));
    after.settle(next, 0, 0, at(0));
    EXPECT_FALSE(after.enter(next, at(0), 8, 1000)) << "three in this minute";
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    EXPECT_TRUE(after.enter(next, at(0), 8, 1000)) << "fresh: all forgotten";
}

TEST(LedgerMemory, DoesNotTakeOverWhatIsNotItsOwn) {
    FakeMemory memory(32 * 1024);
    EXPECT_FALSE(Ledger::prepare(memory.region(), false)) << "zeroes";
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    EXPECT_FALSE(Ledger::prepare(memory.region().first(16 * 1024), false)) << "another size";
    EXPECT_TRUE(Ledger::prepare(memory.region(), false));
    memory.region()[0] ^= std::byte{1};
    EXPECT_FALSE(Ledger::prepare(memory.region(), false)) << "another layout";
}

TEST_F(LedgerRoom, WhenLeasesRunOutNobodyGetsInWithoutOne) {
    const Party party = key_party(1, {.concurrent = 100'000});
    std::vector<std::vector<PartyShare>> inside;
    const auto enter = [&] {
        inside.push_back(shares_of({party}));
        return ledger.enter(inside.back(), at(0), 7, 1000);
    };
    while (enter()) {
        ASSERT_NE(inside.back()[0].lease.number, 0U);
        ASSERT_LT(inside.size(), 10'000U);
    }
    const size_t max = inside.size() - 1;
    EXPECT_GE(max, 16U);
    EXPECT_EQ(enter().error().what, Exceeded::What::room);
    EXPECT_GE(ledger.take_times_full(), 2U);
    EXPECT_EQ(ledger.take_times_full(), 0U);
    for (auto &shares : inside) {
        ledger.settle(shares, 0, 0, at(0));
    }
    inside.clear();
    for (size_t i = 0; i < max; ++i) {
        EXPECT_TRUE(enter());
    }
    EXPECT_FALSE(enter());
}

// More keys than there is room for: the counters that were used least are removed, and the log
// reports it.
TEST_F(LedgerRoom, AFullSetLocksNobodyOut) {
    for (uint64_t key = 0; key < 500; ++key) {
        ASSERT_TRUE(enter_key(key, 0)) << key;
    }
    EXPECT_GT(ledger.take_times_full(), 400U);
    for (uint64_t key = 500; key < 508; ++key) {
        ASSERT_TRUE(enter_key(key, 62));
    }
    EXPECT_EQ(ledger.take_times_full(), 0U) << "a minute later their places are free";
}

TEST_F(LedgerRoom, DoesNotForgetAKeyThatHasSomethingToLose) {
    auto day = shares_of({key_party(1, {.images_per_day = 5})});
    auto running = shares_of({key_party(2, {.concurrent = 1})});
    auto spent = shares_of({key_party(3, {}, kLittle)});
    ASSERT_TRUE(ledger.reserve(day, 5, 0, at(0)));
    ASSERT_TRUE(ledger.enter(running, at(0), 7, 1'000'000'000));
    ASSERT_TRUE(ledger.enter(spent, at(0), 7, 1000));
    ledger.settle(spent, 1, 100, at(0));
    for (int64_t minute = 1; minute < 20; ++minute) {
        for (uint64_t key = 10; key < 200; ++key) {
            (void)enter(key_party(key, {.requests_per_minute = 1}), minute * 62);
        }
        auto again = shares_of({key_party(1, {.images_per_day = 5})});
        EXPECT_FALSE(ledger.reserve(again, 1, 0, at(minute * 62)));
        EXPECT_FALSE(enter(key_party(2, {.concurrent = 1}), minute * 62));
        EXPECT_FALSE(enter(key_party(3, {}, kLittle), minute * 62));
    }
}

// Token subjects that had spent money kept their places forever.
TEST_F(LedgerRoom, CallersWithoutABudgetRecordKeepNoPlaceForWhatTheyHaveSpent) {
    for (uint64_t subject = 0; subject < 400; ++subject) {
        Party bearer = key_party(subject, {.requests_per_minute = 9});
        bearer.has_budget_record = false;
        auto shares = shares_of({bearer});
        ASSERT_TRUE(ledger.enter(shares, at(0), 7, 1000));
        ledger.settle(shares, 1, 10, at(0));
    }
    for (uint64_t address = 0; address < 400; ++address) {
        const Party party{Party::Kind::address,
                          account(10'000 + address),
                          account(9'999),
                          {},
                          "192.0.2.1",
                          {.requests_per_minute = 2},
                          {}};
        EXPECT_TRUE(enter(party, 0)) << address;
        EXPECT_TRUE(enter(party, 62)) << address;
    }
}

TEST_F(LedgerRoom, TwoKeysWithMadeUpEndUsersKeepNobodysOut) {
    for (uint64_t name = 0; name < 1'000; ++name) {
        (void)enter_user(1, name, 0);
        (void)enter_user(2, name, 0);
    }
    for (uint64_t key = 3; key < 7; ++key) {
        EXPECT_TRUE(enter_user(key, 1, 0)) << key;
    }
}

TEST_F(LedgerRoom, AKeyDoesNotResetItsOwnCountersByMakingUpEndUsers) {
    ASSERT_TRUE(enter_key(1, 0));
    ASSERT_TRUE(enter_key(1, 0));
    for (uint64_t name = 0; name < 1'000; ++name) {
        ASSERT_TRUE(enter_user(1, name, 0));
    }
    EXPECT_FALSE(enter_key(1, 0));
}

class LargerLedgerRoom : public LedgerRoom {
 protected:
    LargerLedgerRoom() : LedgerRoom(512 * 1024) {}
};

TEST_F(LargerLedgerRoom, RandomNamesOfEndUsersEvictNobodyElsesCounters) {
    std::vector<uint64_t> users;
    for (uint64_t user = 0; user < 40; ++user) {
        if (enter_user(1, user, 0) && enter_user(1, user, 0)) {
            users.push_back(user);
        }
    }
    ASSERT_GT(users.size(), 30U);
    ASSERT_TRUE(enter_key(5, 0));
    ASSERT_TRUE(enter_key(5, 0));
    for (uint64_t name = 0; name < 20'000; ++name) {
        (void)enter_user(2, name, 1);
    }
    for (const uint64_t user : users) {
        EXPECT_FALSE(enter_user(1, user, 2)) << "user " << user << " has used what they have";
    }
    EXPECT_FALSE(enter_key(5, 2));
    EXPECT_GT(ledger.take_times_full(), 0U) << "and it is told";
    size_t others = 0;
    for (uint64_t key = 100; key < 200; ++key) {
        others += enter_key(key, 2) ? 1 : 0;
    }
    EXPECT_EQ(others, 100U) << "nor is any other key locked out";
    size_t other_users = 0;
    for (uint64_t user = 0; user < 100; ++user) {
        other_users += enter_user(3, user, 2) ? 1 : 0;
    }
    EXPECT_EQ(other_users, 100U) << "nor are the end users of another key";
}

TEST_F(LargerLedgerRoom, AnEndUserWhoUsedMostIsForgottenLast) {
    const Limits limits{.images_per_day = 100};
    auto heavy = shares_of({end_user_party(1, 0, limits)});
    ASSERT_TRUE(ledger.reserve(heavy, 100, 0, at(0)));
    for (uint64_t name = 1; name < 20'000; ++name) {
        auto light = shares_of({end_user_party(1, name, limits)});
        EXPECT_TRUE(ledger.reserve(light, 1, 0, at(1))) << "its own key's end users make room";
    }
    auto again = shares_of({end_user_party(1, 0, limits)});
    EXPECT_FALSE(ledger.reserve(again, 1, 0, at(2)));
}

TEST_F(LargerLedgerRoom, KeysTakeThePlacesOfEndUsers) {
    for (uint64_t key = 1; key < 6; ++key) {
        for (uint64_t name = 0; name < 5000; ++name) {
            (void)enter_user(key, name, 0);
        }
    }
    size_t inside = 0;
    for (uint64_t key = 1000; key < 1200; ++key) {
        inside += enter_key(key, 0) ? 1 : 0;
    }
    EXPECT_GT(inside, 195U);
}

}  // namespace
}  // namespace gateway
