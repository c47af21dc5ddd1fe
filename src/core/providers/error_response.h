// Turns a provider's error response into a typed outcome: by the dialect's table, or else by the
// HTTP status.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/outcome.h"

namespace gateway {

// A row of a dialect's table. All rows for codes are tried first, then those for types, for words
// in the message and for statuses, whatever their order in the table.
struct ErrorRule {
    // `message`: the message contains the word, in any case. `status`: the word is the number.
    enum Where : uint8_t { code, type, message, status } where;
    std::string_view word;  // for `message` in lower case
    OutcomeType outcome;
    Reach reach = Reach::model;  // `key`: it concerns the key or its account
};

const ErrorRule *find_rule(const ProviderError &error, std::span<const ErrorRule> rules);

// Sets another type, because the message contains this word.
void judge_by_word(Outcome &outcome, std::string_view word, OutcomeType type);

// `error` is the object {message, type, param, code}, or absent.
Outcome read_error(const HttpResponse &response, JsonValue error, std::span<const ErrorRule> rules);
// The same for errors of another form, which the dialect has read; nothing if there is none.
Outcome read_error(const HttpResponse &response, std::optional<ProviderError> told,
                   std::span<const ErrorRule> rules);

// A code or a message as text, also if it is a number.
std::string told_text(JsonValue value);

// The outcome of a response that claims success and contains no readable image.
Outcome unreadable(const HttpResponse &response, std::string why);

// Errors of FastAPI and of servers that imitate it: {"detail": TEXT} or
// {"detail": [{"loc", "msg", "type"}]}; without a "detail" the "message", "title" or "error".
std::optional<ProviderError> read_detail(const HttpResponse &response, JsonValue root);
Outcome read_detail_error(const HttpResponse &response, JsonValue root,
                          std::span<const ErrorRule> rules);

// The time to wait, by the header retry-after-ms or retry-after (seconds, or a date). A date is
// compared with the response's header Date, or without one with `now`, in unix seconds.
std::optional<std::chrono::milliseconds> read_retry_after(
    const HttpResponse &response, std::optional<int64_t> now = std::nullopt);

// The error code of an outcome after a timeout.
inline constexpr std::string_view kTimedOutCode = "timed_out";
// Of a call whose outcome nobody knows, because the gateway's worker has ended.
inline constexpr std::string_view kWorkerStoppedCode = "worker_stopped";
// The error code where this worker had no free connection.
inline constexpr std::string_view kNoConnectionCode = "no_connection_free";

// The outcome of a response that did not arrive whole.
Outcome judge_transfer_end(const HttpResponse &response);

}  // namespace gateway
