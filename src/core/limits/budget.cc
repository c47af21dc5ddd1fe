#include "core/limits/budget.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace gateway {

namespace {

constexpr int64_t kHour = 3600;
constexpr int64_t kDay = 86400;
constexpr int64_t kThursday = 3;  // 1970 began with one, three days after a Monday

constexpr std::array<std::string_view, kPeriods> kNames = {"hour", "day", "week", "month",
                                                           "lifetime"};

int64_t month_number(int64_t unix_seconds) {
    using namespace std::chrono;
    const year_month_day date{sys_days(days(unix_seconds / kDay))};
    return (static_cast<int>(date.year()) - 1970) * 12 +
           static_cast<int>(static_cast<unsigned>(date.month())) - 1;
}

int64_t month_start(int64_t number) {
    using namespace std::chrono;
    const sys_days first = year(static_cast<int>(1970 + number / 12)) /
                           month(static_cast<unsigned>(number % 12 + 1)) / 1;
    return int64_t{first.time_since_epoch().count()} * kDay;
}

}  // namespace

std::string_view name_of(Period period) {
    return kNames[static_cast<size_t>(period)];
}

std::optional<Period> period_named(std::string_view name) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    return found == kNames.end() ? std::nullopt
                                 : std::optional(static_cast<Period>(found - kNames.begin()));
}

int64_t number_of(Period period, int64_t unix_seconds) {
    switch (period) {
        case Period::hour: return unix_seconds / kHour;
        case Period::day: return unix_seconds / kDay;
        case Period::week: return (unix_seconds / kDay + kThursday) / 7;
        case Period::month: return month_number(unix_seconds);
        case Period::lifetime: break;
    }
    return 0;
}

int64_t start_of(Period period, int64_t number) {
    switch (period) {
        case Period::hour: return number * kHour;
        case Period::day: return number * kDay;
        case Period::week: return (number * 7 - kThursday) * kDay;
        case Period::month: return month_start(number);
        case Period::lifetime: break;
    }
    return 0;
}

std::optional<int64_t> end_of(Period period, int64_t number) {
    if (period == Period::lifetime) {
        return std::nullopt;
    }
    return start_of(period, number + 1);
}

}  // namespace gateway
