// What was used and spent, one record for each request that a provider was asked for: written down
// where it outlives the process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/limits/party.h"

namespace gateway {

struct UsageRecord {
    int64_t unix_milliseconds = 0;
    std::string request_id;
    std::string key;           // empty: none
    Account budget_account{};  // where its money is counted; all zero: nowhere
    std::string end_user;
    std::string model_asked;
    std::string provider;  // that was asked last
    std::string model;
    int64_t images = 0;            // answered with
    int64_t images_lost = 0;       // made, or perhaps made, and billed; and not answered with
    std::optional<MicroUsd> cost;  // as the caller was told
    MicroUsd counted = 0;          // against the key's budgets
    int64_t latency = 0;           // milliseconds
    int status = 0;
    std::string outcome;

    // Of those whose day is limited.
    struct DayCount {
        Party::Kind kind = Party::Kind::key;
        Account account{};
        int64_t images = 0;
    };
    std::vector<DayCount> day_counts;
};

class UsageBook {
 public:
    virtual ~UsageBook() = default;
    virtual void write(UsageRecord record) = 0;
    // Whether requests may be served that could not be written down.
    [[nodiscard]] virtual bool is_open() const = 0;
    // Whether what was used before nginx was started counts already, or never will.
    [[nodiscard]] virtual bool knows_past() const = 0;
};

}  // namespace gateway
