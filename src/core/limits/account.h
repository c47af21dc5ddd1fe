// Whom or what something is counted for, in shared memory: the front of a SHA-256, so that nobody
// can choose to be counted as somebody else.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace gateway {

using Account = std::array<uint64_t, 2>;

Account account_of(std::string_view name);
// The parts stay apart, whatever they hold.
Account account_of(std::initializer_list<std::string_view> parts);

// One of the two taken together.
Account both(const Account &a, const Account &b);

struct Moment {
    int64_t unix_seconds = 0;
    int64_t milliseconds = 0;  // monotonic
};

}  // namespace gateway
