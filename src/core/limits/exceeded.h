// Which limit or budget refuses a request. It is found while the ledger's lock is held, and is
// therefore plain data; its text is made afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/limits/budget.h"
#include "core/limits/party.h"

namespace gateway {

struct Exceeded {
    // `never`: one request asks for more than the rate ever allows. `unavailable`: the server that
    // counts for several gateways cannot be asked.
    enum class What : uint8_t { rate, never, budget, room, unavailable };
    What what = What::rate;
    int retry_after = 1;

    // For a rate: what is counted, such as "images per day", and for whom.
    int64_t limit = 0;
    std::string_view counted;
    Party::Kind kind = Party::Kind::key;
    std::string_view name;  // the party's; must outlive this

    // For a budget.
    Budget budget;
    MicroUsd left = 0;
    MicroUsd wanted = 0;
    int64_t unix_seconds = 0;  // when the request came
};

// Fixed words for the party's kind and for the limit: its name in a keys.json, "budget", "room"
// or "accounts".
std::string_view party_word(const Exceeded &exceeded);
std::string_view limit_word(const Exceeded &exceeded);

// The error message for the caller.
std::string message_of(const Exceeded &exceeded);

}  // namespace gateway
