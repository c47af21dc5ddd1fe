// What is counted of one day or another stretch of the calendar. Plain data, all zero when it is
// new.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/limits/account.h"
#include "core/limits/budget.h"

namespace gateway {

// Of the stretch with this number.
struct CalendarCount {
    int64_t number = 0;
    int64_t used = 0;

    // A clock that is a moment behind another does not bring back what has passed.
    [[nodiscard]] bool is_over(int64_t now) const { return now > number || now < number - 1; }
    [[nodiscard]] int64_t used_in(int64_t now) const { return is_over(now) ? 0 : used; }
    void add(int64_t now, int64_t count) {
        if (is_over(now)) {
            *this = {now, 0};
        }
        used += count;
    }
};

// A moment, and which hour, day, week and month it is in: reckoned once, before the lock is taken.
struct Dated : Moment {
    explicit Dated(Moment now) : Moment(now) {
        for (size_t i = 0; i < kPeriods; ++i) {
            numbers[i] = number_of(static_cast<Period>(i), now.unix_seconds);
        }
    }

    [[nodiscard]] int64_t number(Period period) const {
        return numbers[static_cast<size_t>(period)];
    }

    std::array<int64_t, kPeriods> numbers{};
};

inline int64_t second_of(Moment now) {
    return now.milliseconds / 1000;
}

}  // namespace gateway
