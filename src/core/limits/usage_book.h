// The port to the state file: one record for each request for which a provider was called.
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
    Account budget_account{};  // whose budget record counts its money; all zero: none
    std::string end_user;
    std::string requested_model;
    std::string provider;  // of the last call
    std::string model;
    int64_t images = 0;            // in the response
    int64_t images_lost = 0;       // made, or perhaps made, and billed; not in the response
    std::optional<MicroUsd> cost;  // as the response says
    MicroUsd counted = 0;          // in the key's budgets
    int64_t latency = 0;           // milliseconds
    int status = 0;
    std::string outcome;

    // For parties with a limit of images per day.
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
    // Whether requests may be served although their usage cannot be written.
    [[nodiscard]] virtual bool is_open() const = 0;
    // Whether what was used before nginx was started is counted, or cannot be read at all.
    [[nodiscard]] virtual bool knows_past() const = 0;
};

}  // namespace gateway
