// Parties for tests of the ledger: keys and end users by number.
#pragma once

#include <string>
#include <vector>

#include "core/limits/ledger.h"

namespace gateway {

inline constexpr int64_t kMidnight = 1'799'971'200;  // 2027-01-15T00:00:00Z, a Friday

// Seconds since that midnight; the monotonic clock goes with them.
inline Moment at(int64_t seconds) {
    return {kMidnight + seconds, 1'000'000 + seconds * 1000};
}

inline Account account(uint64_t number) {
    return {number * 0x9E3779B97F4A7C15ULL + 1, number + 1};
}

// Budgets are the caller's to keep.
inline Party key_party(uint64_t number, const Limits &limits,
                       std::span<const Budget> budgets = {}) {
    return {Party::Kind::key, account(number), account(number), "k", {}, limits, budgets, true};
}

inline Party end_user_party(uint64_t key, uint64_t number, const Limits &limits) {
    return {Party::Kind::end_user,
            account(1'000'000 * (key + 1) + number),
            account(key),
            "k",
            "u",
            limits,
            {}};
}

}  // namespace gateway
