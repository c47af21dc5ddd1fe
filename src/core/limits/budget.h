// What a key may spend in an hour, a day, a week, a month, all by the UTC calendar, or ever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/money.h"

namespace gateway {

enum class Period : uint8_t { hour, day, week, month, lifetime };
inline constexpr size_t kPeriods = 5;

std::string_view name_of(Period period);
std::optional<Period> period_named(std::string_view name);

// The number of the period, counted from the first one of 1970. A week begins on Monday.
int64_t number_of(Period period, int64_t unix_seconds);
// When it began, in unix seconds; a lifetime began at 0.
int64_t start_of(Period period, int64_t number);
// When the next one begins; nothing for a lifetime.
std::optional<int64_t> end_of(Period period, int64_t number);

struct Budget {
    MicroUsd usd = 0;
    Period per = Period::month;
};

}  // namespace gateway
