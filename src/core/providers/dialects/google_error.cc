#include "core/providers/dialects/google_error.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/providers/error_response.h"

namespace gateway {

namespace {

constexpr ErrorRule kErrors[] = {
    // The HTTP status is 400, not 401.
    {ErrorRule::code, "API_KEY_INVALID", OutcomeType::our_credentials, Reach::key},
    {ErrorRule::code, "API_KEY_SERVICE_BLOCKED", OutcomeType::our_credentials, Reach::key},
    {ErrorRule::code, "CONSUMER_SUSPENDED", OutcomeType::our_credentials, Reach::key},
    {ErrorRule::code, "SERVICE_DISABLED", OutcomeType::our_credentials, Reach::key},
    {ErrorRule::type, "UNAUTHENTICATED", OutcomeType::our_credentials, Reach::key},
    // Also for a single model that the key may not use.
    {ErrorRule::type, "PERMISSION_DENIED", OutcomeType::our_credentials},
    // About the account, for example its country. What is about billing is found below.
    {ErrorRule::type, "FAILED_PRECONDITION", OutcomeType::our_credentials},
    {ErrorRule::type, "RESOURCE_EXHAUSTED", OutcomeType::throttled},
    {ErrorRule::type, "NOT_FOUND", OutcomeType::not_here},
    // It was cancelled, and it is not known how far it got.
    {ErrorRule::type, "CANCELLED", OutcomeType::unknown},
};

constexpr std::string_view kBilling = "billing";

bool mentions(std::string_view text, std::string_view word) {
    return text.find(word) != std::string_view::npos;
}

constexpr std::string_view kNoLimit = "limit: 0";

// A quota of zero, which free projects have.
bool is_none(std::string_view message) {
    return mentions(message, "limit: 0,") || message.ends_with(kNoLimit);
}

// A quota per day that is used up.
bool is_spent(JsonValue details) {
    for (const JsonValue detail : details) {
        for (const JsonValue violation : detail["violations"]) {
            if (mentions(violation["quotaId"].string(), "PerDay")) {
                return true;
            }
        }
    }
    return false;
}

// A duration as protobuf writes it: "10.1s".
std::optional<std::chrono::milliseconds> read_duration(std::string_view text) {
    double seconds = 0;
    const char *const last = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), last, seconds);
    constexpr double kMaxSeconds = 24.0 * 3600;
    if (problem != std::errc() || std::string_view(stop, last) != "s" || !(seconds >= 0) ||
        !std::isfinite(seconds)) {
        return std::nullopt;
    }
    return std::chrono::milliseconds(std::llround(std::min(seconds, kMaxSeconds) * 1000));
}

std::optional<std::chrono::milliseconds> read_retry_delay(JsonValue details) {
    for (const JsonValue detail : details) {
        if (const auto delay = read_duration(detail["retryDelay"].string())) {
            return delay;
        }
    }
    return std::nullopt;
}

}  // namespace

Outcome read_google_error(const HttpResponse &response, JsonValue error) {
    if (!error.is(JsonKind::object)) {
        return read_error(response, std::nullopt, kErrors);
    }
    const JsonValue details = error["details"];
    ProviderError told;
    told.type = told_text(error["status"]);
    told.message = told_text(error["message"]);
    for (const JsonValue detail : details) {
        if (told.code.empty()) {
            told.code = told_text(detail["reason"]);
        }
        if (told.param.empty()) {
            told.param = told_text(detail["fieldViolations"].at(0)["field"]);
        }
    }
    Outcome outcome = read_error(response, std::move(told), kErrors);
    const std::string_view message = outcome.error.message;
    if (outcome.type == OutcomeType::throttled && is_spent(details)) {
        outcome.type = OutcomeType::out_of_quota;  // for this model
    } else if (outcome.type == OutcomeType::throttled && is_none(message)) {
        judge_by_word(outcome, kNoLimit, OutcomeType::out_of_quota);
    } else if (outcome.error.type == "FAILED_PRECONDITION" && mentions(message, kBilling)) {
        judge_by_word(outcome, kBilling, OutcomeType::out_of_quota);
    }
    if (!outcome.retry_after) {
        outcome.retry_after = read_retry_delay(details);
    }
    return outcome;
}

}  // namespace gateway
