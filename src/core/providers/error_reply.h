// From a provider's error to a typed outcome: by the dialect's own table first, by the status where
// it says nothing.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/outcome.h"

namespace gateway {

struct ErrorRule {
    enum Where : uint8_t { code, type } where;
    std::string_view word;
    OutcomeType outcome;
};

// `error` is the object {message, type, param, code}; absent when the answer has none.
Outcome read_error(const HttpReply &reply, JsonValue error, std::span<const ErrorRule> rules);

// When to ask again, by the headers retry-after-ms or retry-after: seconds, or a date (which is
// measured by the answer's own Date, whatever our clock says).
std::optional<std::chrono::milliseconds> read_retry_after(const HttpReply &reply);

// The code of an outcome for want of time.
inline constexpr std::string_view kTimedOutCode = "timed_out";
// The code of an outcome that is this worker's fault: it had no connection left.
inline constexpr std::string_view kNoConnectionCode = "no_connection_free";

// What did not arrive whole.
Outcome judge_delivery(const HttpReply &reply);

}  // namespace gateway
