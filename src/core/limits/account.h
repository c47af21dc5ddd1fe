// An account identifies in shared memory what is counted: a key, an end user, a provider, a model.
// It is the first half of a SHA-256, so that nobody can choose a name that has another's account.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "core/bytes/sha256.h"

namespace gateway {

using Account = std::array<uint64_t, 2>;

Account account_of(std::string_view name);
// Of the name with this hash.
Account account_of(const Sha256 &hash);
// Different lists of parts have different accounts.
Account account_of(std::initializer_list<std::string_view> parts);

// The account of the pair.
Account both(const Account &a, const Account &b);

struct Moment {
    int64_t unix_seconds = 0;
    int64_t milliseconds = 0;  // monotonic
};

}  // namespace gateway
