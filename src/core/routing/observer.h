// Observers are called at the end of each attempt and each request. The log and the usage recorder
// are observers. They must copy what they keep. Exceptions that they throw are ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/limits/usage_book.h"
#include "core/routing/history.h"

namespace gateway {

struct AttemptEnd {
    const AttemptRecord &record;
    size_t number;             // among the request's attempts, starting at 1
    std::string_view message;  // of the provider, without secrets
    std::string_view request_id;
};

// How a request ended that had entered its limits.
struct RequestEnd {
    int64_t unix_seconds = 0;
    std::string_view request_id;
    std::string_view key;  // the caller's id; empty: none
    Account account{};     // counts its money; all zero: none does
    std::string_view end_user;
    std::string_view requested_model;
    const History &history;
    int64_t images = 0;       // sent to the caller
    int64_t images_lost = 0;  // made or perhaps made and billed, but not sent
    std::optional<MicroUsd> cost;
    MicroUsd counted = 0;  // the money that was counted against budgets
    int64_t latency = 0;   // milliseconds
    int status = 0;
    std::string_view outcome;
    std::span<const UsageRecord::DayCount> day_counts;

    // Whether a provider was called. The sandbox is a provider, too.
    [[nodiscard]] bool was_attempted() const {
        return !history.attempts().empty() || images > 0 || images_lost > 0;
    }
};

class Observer {
 public:
    virtual ~Observer() = default;
    virtual void on_attempt_end(const AttemptEnd & /*end*/) {}
    virtual void on_request_end(const RequestEnd & /*end*/) {}
};

void tell_attempt_end(std::span<Observer *const> observers, const AttemptEnd &end) noexcept;
void tell_request_end(std::span<Observer *const> observers, const RequestEnd &end) noexcept;

}  // namespace gateway
