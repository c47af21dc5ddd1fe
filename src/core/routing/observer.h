// Observers are called at the end of each attempt and each request, and when calls and pauses begin
// and end. The log, the usage recorder and the metrics are observers. They must copy what they
// keep. Exceptions that they throw are ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/limits/usage_book.h"
#include "core/routing/history.h"
#include "core/tracing/trace.h"

namespace gateway {

struct AttemptEnd {
    const AttemptRecord &record;
    size_t number;             // among the request's attempts, starting at 1
    std::string_view message;  // of the provider, without secrets
    std::string_view request_id;
    const Candidate &candidate;
    std::optional<size_t> key;     // the number of the provider key, starting at 0
    bool dropped = false;          // it was cancelled because nobody waited for it
    const Trace *trace = nullptr;  // null: the request is in none
    SpanId span{};                 // of the attempt; zero: it is not exported
    const Usage *usage = nullptr;  // as the provider has reported it; null: it has not
    Traffic traffic{};
};

// How a making ended that several requests share or that needs none. Only if its span is exported.
struct SharedMakingEnd {
    const Trace &trace;  // of the request that leads
    std::string_view request_id;
    std::string_view requested_model;
    std::string_view outcome;
    std::string_view provider;  // of the last attempt; empty: there was none
    std::string_view model;
    int64_t images = 0;
    int64_t latency = 0;  // milliseconds
    bool has_failed = false;
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
    // A call to a provider is in progress. It ends after its attempt.
    virtual void on_call_begin(const Provider & /*provider*/) {}
    virtual void on_call_end(const Provider & /*provider*/) {}
    // A pause: before a call is repeated, or until a candidate is available.
    virtual void on_pause_begin() {}
    virtual void on_pause_end() {}
    virtual void on_attempt_end(const AttemptEnd & /*end*/) {}
    virtual void on_request_end(const RequestEnd & /*end*/) {}
    virtual void on_shared_making_end(const SharedMakingEnd & /*end*/) {}
};

void tell_call_begin(std::span<Observer *const> observers, const Provider &provider) noexcept;
void tell_call_end(std::span<Observer *const> observers, const Provider &provider) noexcept;
void tell_pause_begin(std::span<Observer *const> observers) noexcept;
void tell_pause_end(std::span<Observer *const> observers) noexcept;
void tell_attempt_end(std::span<Observer *const> observers, const AttemptEnd &end) noexcept;
void tell_request_end(std::span<Observer *const> observers, const RequestEnd &end) noexcept;
void tell_shared_making_end(std::span<Observer *const> observers,
                            const SharedMakingEnd &end) noexcept;

}  // namespace gateway
