// Somebody whose use is counted: a key, an end user under it, an address without a key, or a key's
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
    Account owner{};        // the key's own account; of addresses, one for all
    std::string_view key;   // the key's id
    std::string_view name;  // of the end user, or the pattern of the models
    Limits limits;
    std::span<const Budget> budgets;  // of a key
    // Whether what it spends is counted: of a key in a keys.json, which has a budget or may be
    // given one.
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
    LeaseHandle lease;  // of concurrency
    LeaseHandle hold;   // of money
    std::vector<Reservation> reservations;
    uint8_t place = 0;  // where the ledger found it last, for it to look there first

    [[nodiscard]] int64_t images() const;
};

// That hold nothing yet.
std::vector<PartyShare> shares_of(const std::vector<Party> &parties);

}  // namespace gateway
