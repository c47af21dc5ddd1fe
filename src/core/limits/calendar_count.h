// A count for one calendar period, such as a day. Plain data; a new one is all zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/limits/account.h"
#include "core/limits/budget.h"

namespace gateway {

// `number` says which period it is.
struct CalendarCount {
    int64_t number = 0;
    int64_t used = 0;

    // A process whose clock is a little behind does not bring back the period before.
    [[nodiscard]] bool is_over(int64_t now) const { return now > number || now < number - 1; }
    [[nodiscard]] int64_t used_in(int64_t now) const { return is_over(now) ? 0 : used; }
    void add(int64_t now, int64_t count) {
        if (is_over(now)) {
            *this = {now, 0};
        }
        used += count;
    }
};

// A moment with the numbers of its hour, day, week and month: computed once, before the lock is
// taken.
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
