// Which accounts have a place in a set, and which are removed when there are too many.
#include "core/limits/tally.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>

#include "core/limits/region.h"
#include "ledger_parties.h"

namespace gateway {
namespace {

class Places {
 public:
    // Null: refused.
    Tally *enter(const Party &party, bool running, int64_t second) {
        auto found = std::find_if(places_.begin(), places_.end(), [&](const Tally &tally) {
            return tally.account == party.account;
        });
        Tally *tally = &*found;
        if (found == places_.end()) {
            bool made_room = false;
            tally = place_for(party, places_, Dated(at(second)), made_room);
            if (tally == nullptr) {
                return nullptr;
            }
            gone_ = *tally;
            *tally = Tally{};
            tally->account = party.account;
            tally->owner = party.owner;
            tally->kind = static_cast<uint8_t>(party.kind);
        }
        tally->requests.add(second_of(at(second)), 1);
        tally->concurrent += running ? 1 : 0;
        return tally;
    }
    // Of the place that was taken last.
    [[nodiscard]] const Tally &gone() const { return gone_; }

    [[nodiscard]] size_t owned_by(const Account &owner) const {
        return count([&](const Tally &tally) { return tally.owner == owner; });
    }
    [[nodiscard]] size_t owners_with(const Account &owner) const {
        std::set<Account> owners = {owner};
        for (const Tally &tally : places_) {
            owners.insert(tally.owner);
        }
        owners.erase(Account{});
        return owners.size();
    }
    // All entries of owners who have more places than so many.
    [[nodiscard]] bool all_run_of_those_with_more_than(size_t count) const {
        return std::all_of(places_.begin(), places_.end(), [&](const Tally &tally) {
            return owned_by(tally.owner) <= count || tally.concurrent > 0;
        });
    }

 private:
    template <typename Test>
    [[nodiscard]] size_t count(Test test) const {
        return static_cast<size_t>(std::count_if(places_.begin(), places_.end(), test));
    }

    std::array<Tally, kWays> places_{};
    Tally gone_{};
};

Party address_party(uint64_t number) {
    return {Party::Kind::address,
            account(50'000 + number),
            account(49'999),
            {},
            "192.0.2.1",
            {.requests_per_minute = 3},
            {}};
}

Party some_party(std::mt19937_64 &random, uint64_t owners) {
    const uint64_t owner = random() % owners;
    switch (random() % 4) {
        case 0: return key_party(owner, {.requests_per_minute = 3});
        case 1: return key_party(1'000 + owner, {.requests_per_minute = 3});  // a token's subject
        case 2: return address_party(random() % 100);
        default: break;
    }
    return end_user_party(owner, random() % 50, {.requests_per_minute = 3});
}

TEST(Places, RefuseNobodyBelowTheirFairShareAndForgetNothingThatRuns) {
    std::mt19937_64 random(7);
    size_t refused = 0;
    for (int round = 0; round < 2'000; ++round) {
        Places places;
        const uint64_t owners = 1 + random() % 12;
        const uint64_t running = random() % 4;  // of so many in ten
        for (int step = 0; step < 60; ++step) {
            const Party party = some_party(random, owners);
            const bool is_guest = party.kind != Party::Kind::key;
            const size_t own = places.owned_by(party.owner);
            const size_t share = kWays / places.owners_with(party.owner);
            const bool others_run = places.all_run_of_those_with_more_than(own);
            if (places.enter(party, random() % 10 < running, step / 10) != nullptr) {
                ASSERT_EQ(places.gone().concurrent, 0);
                continue;
            }
            ++refused;
            ASSERT_TRUE(others_run || own >= share || (is_guest && own >= kWays / 2))
                << "round " << round << ", step " << step << ": has " << own << " places of "
                << share;
        }
    }
    EXPECT_GT(refused, 100U);
}

TEST(Places, AnOwnerWithMostGivesUpWhatItUsedLeast) {
    Places places;
    for (uint64_t user = 0; user < 4; ++user) {
        ASSERT_NE(places.enter(end_user_party(1, user, {}), false, 0), nullptr);
        ASSERT_NE(places.enter(end_user_party(2, user, {}), false, 0), nullptr);
        if (user != 2) {
            (void)places.enter(end_user_party(1, user, {}), false, 0);
        }
        (void)places.enter(end_user_party(2, user, {}), false, 0);
    }
    ASSERT_NE(places.enter(end_user_party(3, 1, {}), false, 0), nullptr);
    EXPECT_EQ(places.gone().account, end_user_party(1, 2, {}).account);
}

TEST(Places, AKeyIsDisplacedAfterTheGuestsOfOthers) {
    Places places;
    for (uint64_t key = 1; key < 8; ++key) {
        ASSERT_NE(places.enter(key_party(key, {}), false, 0), nullptr);
    }
    for (int i = 0; i < 10; ++i) {
        ASSERT_NE(places.enter(address_party(1), false, 0), nullptr);
    }
    ASSERT_NE(places.enter(key_party(9, {}), false, 0), nullptr);
    EXPECT_EQ(places.gone().account, address_party(1).account) << "although it is used most";
}

}  // namespace
}  // namespace gateway
