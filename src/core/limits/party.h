// A party whose use is counted: a key, an end user of a key, an address without a key, or a key's
// use of some models.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/limits/account.h"
#include "core/limits/budget.h"
#include "core/limits/leases.h"
#include "core/limits/limits.h"

namespace gateway {

struct Party {
    enum class Kind : uint8_t { key, end_user, address, model };
    Kind kind = Kind::key;
    Account account{};
    Account owner{};        // the key's account; all addresses have the same one
    std::string_view key;   // the key's id
    std::string_view name;  // of the end user, or the pattern of the models
    Limits limits;
    std::span<const Budget> budgets;  // of a key
    // Whether its spending is counted. It is for all keys of a keys.json, which may be given a
    // budget later.
    bool has_budget_record = false;

    [[nodiscard]] bool is_limited() const { return limits.any() || !budgets.empty(); }
};

// What one request has taken from one party's limits and budgets, until it is settled.
struct PartyShare {
    struct Reservation {
        Moment at;
        int64_t images = 0;
    };

    Party party;
    LeaseHandle lease;  // for concurrency
    LeaseHandle hold;   // for money
    std::vector<Reservation> reservations;
    bool waits = false;  // the request has not begun: no place under `concurrent`, nothing spent
    uint8_t place = 0;   // where the ledger found its tally last, as a hint
    uint64_t entry = 0;  // of accounts elsewhere: their number of the request; 0: none

    [[nodiscard]] int64_t images() const;
};

// The memories in which shares are counted. A new memory has another number.
struct CountingMemory {
    uint64_t tallies = 0;
    uint64_t budgets = 0;
};

// Shares that hold nothing yet.
std::vector<PartyShare> shares_of(const std::vector<Party> &parties);

}  // namespace gateway
