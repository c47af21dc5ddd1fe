// Which limit or budget stands in a request's way. Found under the ledger's lock, and so plain
// data; put into words after.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/limits/budget.h"
#include "core/limits/party.h"

namespace gateway {

struct Exceeded {
    // `never`: of a rate, with more at once than it ever allows.
    enum class What : uint8_t { rate, never, budget, room };
    What what = What::rate;
    int retry_after = 1;

    // Of a rate: "images per day", and whose.
    int64_t limit = 0;
    std::string_view counted;
    Party::Kind kind = Party::Kind::key;
    std::string_view name;  // the party's, whose strings must live on

    // Of a budget.
    Budget budget;
    MicroUsd left = 0;
    MicroUsd wanted = 0;
    int64_t unix_seconds = 0;  // when it was asked for
};

// What the caller is told.
std::string message_of(const Exceeded &exceeded);

}  // namespace gateway
