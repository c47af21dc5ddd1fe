// The counters of one account, in memory that all workers share. Plain data, all zero when it is
// new.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "core/limits/account.h"
#include "core/limits/budget.h"
#include "core/limits/party.h"
#include "core/limits/sliding_minute.h"

namespace gateway {

// Of one day or another stretch of the calendar, which is told by its number.
struct CalendarCount {
    int64_t number = 0;
    int64_t used = 0;

    // A clock that is a moment behind another does not bring back what has passed.
    void roll(int64_t now) {
        if (now > number || now < number - 1) {
            *this = {now, 0};
        }
    }
    [[nodiscard]] bool is_used(int64_t now) const { return used > 0 && number >= now; }
};

// A moment, and which hour, day, week and month it is in: reckoned once, before the lock is taken.
struct Dated : Moment {
    explicit Dated(Moment now);

    [[nodiscard]] int64_t number(Period period) const {
        return numbers[static_cast<size_t>(period)];
    }

    std::array<int64_t, kPeriods> numbers{};
};

struct Tally {
    static constexpr size_t kLongestKey = 64;

    Account account{};  // all zero: free
    Account owner{};
    uint8_t kind = 0;
    bool has_budget = false;
    uint8_t key_size = 0;
    char key[kLongestKey] = {};  // the key's id, for what is written down of it
    int32_t concurrent = 0;
    SlidingMinute requests;
    SlidingMinute images;
    CalendarCount images_day;
    MicroUsd reserved = 0;
    CalendarCount spent[kPeriods];

    // An end user or an address: there can be any number of them.
    [[nodiscard]] bool is_guest() const {
        return kind == static_cast<uint8_t>(Party::Kind::end_user) ||
               kind == static_cast<uint8_t>(Party::Kind::address);
    }
    [[nodiscard]] bool is_held() const { return concurrent > 0 || reserved > 0; }
    [[nodiscard]] std::string_view key_id() const { return {key, key_size}; }
    void describe(const Party &party);

    [[nodiscard]] bool has_spent(Moment now) const;
    // Whether a new one would say the same, but for what was spent.
    [[nodiscard]] bool is_idle(Moment now);
    // What would be lost with it.
    [[nodiscard]] int64_t weight(Moment now);
    void roll(const Dated &now);
    void spend(MicroUsd usd, const Dated &now);
};

inline int64_t second_of(Moment now) {
    return now.milliseconds / 1000;
}

// Where among the places for it a new party may stand; null when there is no room. `made_room`
// when counters that were not like new had to go.
Tally *place_for(const Party &party, std::span<Tally> places, Moment now, bool &made_room);

}  // namespace gateway
