// From a provider's error to a typed outcome: by the dialect's own table first, by the status where
// it says nothing.
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

// Codes are compared first, then types, then words are looked for in the message, and last comes
// the status, whatever the order of the rows.
struct ErrorRule {
    // In messages, for providers that have no codes, the word is looked for whatever its case. Of a
    // status it is the number.
    enum Where : uint8_t { code, type, message, status } where;
    std::string_view word;  // of messages: in lower case
    OutcomeType outcome;
    Reach reach = Reach::model;  // `key`: the code or type speaks of the key or its account
};

const ErrorRule *find_rule(const ProviderError &error, std::span<const ErrorRule> rules);

// Another type because the message contains this word.
void judge_by_word(Outcome &outcome, std::string_view word, OutcomeType type);

// `error` is the object {message, type, param, code}; absent when the answer has none.
Outcome read_error(const HttpResponse &response, JsonValue error, std::span<const ErrorRule> rules);
// The same for envelopes of another form: what the dialect found in it; nothing when the answer has
// none.
Outcome read_error(const HttpResponse &response, std::optional<ProviderError> told,
                   std::span<const ErrorRule> rules);

// A code or a message, whatever it is written as.
std::string told_text(JsonValue value);

// An answer that says of itself to be a success, and holds no picture that could be read.
Outcome unreadable(const HttpResponse &response, std::string why);

// What servers say that answer as FastAPI does, and those that imitate it: {"detail": a text}, or
// {"detail": [{"loc", "msg", "type"}]}; for want of it a "message", "title" or "error".
std::optional<ProviderError> read_detail(const HttpResponse &response, JsonValue root);
Outcome read_detail_error(const HttpResponse &response, JsonValue root,
                          std::span<const ErrorRule> rules);

// When to ask again, by the headers retry-after-ms or retry-after: seconds, or a date. That is
// measured by the answer's own Date, whatever our clock says; without one, by our clock if that is
// given, in unix seconds.
std::optional<std::chrono::milliseconds> read_retry_after(
    const HttpResponse &response, std::optional<int64_t> now = std::nullopt);

// The code of an outcome for want of time.
inline constexpr std::string_view kTimedOutCode = "timed_out";
// The code of an outcome that is this worker's fault: it had no connection left.
inline constexpr std::string_view kNoConnectionCode = "no_connection_free";

// What did not arrive whole.
Outcome judge_transfer_end(const HttpResponse &response);

}  // namespace gateway
