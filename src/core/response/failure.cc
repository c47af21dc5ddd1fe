#include "core/response/failure.h"

#include <algorithm>

#include "core/providers/error_reply.h"
#include "core/response/redact.h"

namespace gateway {

namespace {

std::string in_words(Milliseconds time) {
    const int64_t count = time.count();
    return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

bool all_ended_as(const std::vector<AttemptRecord> &attempts, OutcomeType type) {
    return !attempts.empty() &&
           std::all_of(attempts.begin(), attempts.end(),
                       [=](const AttemptRecord &attempt) { return attempt.outcome == type; });
}

}  // namespace

ApiError error_told_by_provider(const Outcome &outcome) {
    const ProviderError &told = outcome.error;
    ApiError error = ApiError::of(400);
    if (told.status >= 400 && told.status < 500) {
        error.status = told.status;
    }
    error.type = told.type.empty() ? error.type : told.type;
    error.code = told.code.empty() ? std::string(name_of(outcome.type)) : told.code;
    error.message = told.message.empty() ? "The provider refused the request." : told.message;
    error.param = told.param;
    error.from_provider = true;
    return error;
}

ApiError error_when_all_failed(const std::vector<AttemptRecord> &attempts,
                               std::optional<Milliseconds> shortest_wait,
                               std::string_view model_asked) {
    if (all_ended_as(attempts, OutcomeType::throttled)) {
        ApiError error = ApiError::of(503, "providers_throttled",
                                      "Every provider is limiting its callers just now.");
        const auto wait =
            std::chrono::ceil<std::chrono::seconds>(shortest_wait.value_or(Milliseconds(1000)));
        error.retry_after = static_cast<int>(std::max<int64_t>(1, wait.count()));
        return error;
    }
    if (!attempts.empty() && attempts.back().code == kNoConnectionCode) {
        ApiError error = ApiError::of(503, "overloaded",
                                      "This gateway has no connection left to ask a provider.");
        error.retry_after = 1;
        return error;
    }
    if (all_ended_as(attempts, OutcomeType::not_here)) {
        return ApiError::of(404, "model_not_found",
                            "No provider offers the model '" + std::string(model_asked) + "'.",
                            "model");
    }
    std::string message = "No provider could make the image.";
    if (!attempts.empty()) {
        message += " The last one, " + attempts.back().provider + ", ended as ";
        message += name_of(attempts.back().outcome);
        message += ".";
    }
    return ApiError::of(502, "all_providers_failed", message);
}

ApiError error_too_late(Milliseconds deadline) {
    return ApiError::of(504, "deadline_exceeded",
                        "No image was made within " + in_words(deadline) +
                            ". The provider that was asked last may still be working on it.");
}

LogLevel log_level(OutcomeType outcome) {
    switch (outcome) {
        case OutcomeType::callers_fault:
        case OutcomeType::refused_by_policy: return LogLevel::info;
        case OutcomeType::our_credentials:
        case OutcomeType::out_of_quota: return LogLevel::error;
        default: return LogLevel::warn;
    }
}

std::string describe_failure(const std::vector<AttemptRecord> &attempts, std::string_view message) {
    const AttemptRecord &last = attempts.back();
    std::string line = "image gateway: attempt " + std::to_string(attempts.size()) + " at " +
                       last.provider + "/" + last.model + " ended as " +
                       std::string(name_of(last.outcome)) + " after " +
                       std::to_string(last.latency) + " ms, status " + std::to_string(last.status);
    if (!last.code.empty()) {
        line += ", code " + last.code;
    }
    // What a provider says about a bad key tends to quote it.
    if (!message.empty() && last.outcome != OutcomeType::our_credentials) {
        line.append(": ").append(message);
    }
    return for_log(line);
}

}  // namespace gateway
