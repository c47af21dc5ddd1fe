// What ends is told to observers: the log and the book of what was used are two of them. They keep
// what they need, and do not hinder anything: what they throw is dropped.
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
    size_t number;             // among the request's attempts, from 1 on
    std::string_view message;  // the provider's, without secrets
    std::string_view request_id;
};

// A request that was let in, and how it ended.
struct RequestEnd {
    int64_t unix_seconds = 0;
    std::string_view request_id;
    std::string_view key;  // empty: none
    Account account{};     // where its money is counted; all zero: nowhere
    std::string_view end_user;
    std::string_view requested_model;
    const History &history;
    int64_t images = 0;       // sent to the caller
    int64_t images_lost = 0;  // made, or perhaps made, and billed; and not sent
    std::optional<MicroUsd> cost;
    MicroUsd counted = 0;  // against budgets
    int64_t latency = 0;   // milliseconds
    int status = 0;
    std::string_view outcome;
    std::span<const UsageRecord::DayCount> day_counts;

    // Whether a provider was asked, or our own sandbox.
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
