// The counters of one account, in memory that all workers share. Plain data; a new one is all zero.
#pragma once

#include <cstdint>
#include <span>

#include "core/limits/account.h"
#include "core/limits/calendar_count.h"
#include "core/limits/party.h"
#include "core/limits/sliding_minute.h"

namespace gateway {

struct Tally {
    Account account{};  // all zero: free
    Account owner{};
    uint8_t kind = 0;
    int32_t concurrent = 0;  // the number of its leases
    SlidingMinute requests;
    SlidingMinute images;
    CalendarCount images_day;
    CalendarCount images_before;  // of the day: counted before this memory was laid out

    [[nodiscard]] const SlidingMinute &minute_of(LimitUnit unit) const {
        return unit == LimitUnit::requests ? requests : images;
    }
    // An end user or an address: callers can make up any number of them.
    [[nodiscard]] bool is_guest() const {
        return kind == static_cast<uint8_t>(Party::Kind::end_user) ||
               kind == static_cast<uint8_t>(Party::Kind::address);
    }
    [[nodiscard]] bool is_held() const { return concurrent > 0; }
    [[nodiscard]] int64_t images_on(int64_t day) const {
        return images_day.used_in(day) + images_before.used_in(day);
    }
    // For what this limit is about: how much is used,
    [[nodiscard]] int64_t used(const LimitRow &limit, const Dated &now) const;
    // seconds until `count` more would stay within `max`, and seconds until nothing is used.
    [[nodiscard]] int64_t wait_for(const LimitRow &limit, int64_t count, int64_t max,
                                   const Dated &now) const;
    [[nodiscard]] int64_t until_unused(const LimitRow &limit, const Dated &now) const;
    // Whether a new tally would have the same effect.
    [[nodiscard]] bool is_like_new(const Dated &now) const;
    // How much would be forgotten with it.
    [[nodiscard]] int64_t weight(const Dated &now) const;
};

inline int64_t Tally::used(const LimitRow &limit, const Dated &now) const {
    switch (limit.window) {
        case LimitWindow::at_once: return concurrent;
        case LimitWindow::minute: return minute_of(limit.unit).used(second_of(now));
        case LimitWindow::day: break;
    }
    return images_on(now.number(Period::day));
}

inline int64_t Tally::wait_for(const LimitRow &limit, int64_t count, int64_t max,
                               const Dated &now) const {
    switch (limit.window) {
        case LimitWindow::at_once: return 1;
        case LimitWindow::minute: return minute_of(limit.unit).wait_for(second_of(now), count, max);
        case LimitWindow::day: break;
    }
    return until_unused(limit, now);
}

inline int64_t Tally::until_unused(const LimitRow &limit, const Dated &now) const {
    switch (limit.window) {
        case LimitWindow::at_once: return 1;
        case LimitWindow::minute: return minute_of(limit.unit).until_unused(second_of(now));
        case LimitWindow::day: break;
    }
    return *end_of(Period::day, now.number(Period::day)) - now.unix_seconds;
}

// Chooses the place for a new party among `places`; null if there is none. `made_room` is set if
// counters that were not like new had to be displaced.
Tally *place_for(const Party &party, std::span<Tally> places, const Dated &now, bool &made_room);

}  // namespace gateway
