#include "core/routing/failure.h"

#include <algorithm>

#include "core/providers/error_response.h"
#include "core/words.h"

namespace gateway {

namespace {

std::string in_words(Milliseconds time) {
    const int64_t count = time.count();
    return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

template <typename Rows, typename Test>
bool all(const Rows &rows, Test test) {
    return std::all_of(rows.begin(), rows.end(), test);
}

template <typename Rows, typename Test>
bool any(const Rows &rows, Test test) {
    return std::any_of(rows.begin(), rows.end(), test);
}

ApiError error_unavailable(const History &history, Milliseconds now) {
    const bool only_broken =
        history.attempts().empty() &&
        all(history.skipped(), [](const auto &skip) { return skip.by == Hindrance::breaker_open; });
    ApiError error =
        only_broken
            ? ApiError::of(503, "providers_unavailable",
                           "Every provider has failed repeatedly and is currently not called.")
            : ApiError::of(503, "rate_limit_exceeded",
                           "Every provider currently limits the rate of requests.");
    error.type = only_broken ? error.type : "rate_limit_error";
    const auto wait = std::chrono::ceil<std::chrono::seconds>(
        history.first_available().value_or(now + Milliseconds(1000)) - now);
    error.retry_after = static_cast<int>(std::max<int64_t>(1, wait.count()));
    return error;
}

// OpenAI's codes for mistakes in a request. The gateway uses the same codes.
constexpr std::string_view kMistakes =
    "invalid_value invalid_type invalid_json unknown_parameter unsupported_parameter "
    "unsupported_value missing_required_parameter string_above_max_length "
    "string_below_min_length integer_above_max_value integer_below_min_value "
    "decimal_above_max_value decimal_below_min_value invalid_image_file "
    "invalid_input_fidelity_model";

// The provider's message. Includes the provider's code if the gateway replaces that code.
std::string message_with_code(const ProviderError &told, std::string_view code) {
    std::string message = told.message.empty() ? "The provider refused the request." : told.message;
    if (!told.code.empty() && told.code != code && message.find(told.code) == std::string::npos) {
        message.append(" (").append(told.code).append(")");
    }
    return message;
}

// Whether clients really wait for such a time before they repeat a request.
bool is_short(const std::optional<int> &wait) {
    constexpr int kLongestWait = 60;
    return wait && *wait <= kLongestWait;
}

}  // namespace

// Providers use different statuses and codes. Callers get the same ones from every provider.
ApiError error_told_by_provider(const Outcome &outcome) {
    const ProviderError &told = outcome.error;
    ApiError error = ApiError::of(400);
    if (outcome.type == OutcomeType::refused_by_policy) {
        error.type = "image_generation_user_error";
        error.code = "content_policy_violation";
    } else if (is_one_of(told.code, kMistakes)) {
        error.code = told.code;
    }
    error.message = message_with_code(told, error.code);
    error.param = told.param;
    error.from_provider = true;
    return error;
}

ApiError error_when_all_failed(const History &history, std::string_view requested_model,
                               Milliseconds now) {
    const std::vector<AttemptRecord> &attempts = history.attempts();
    const auto ended_as = [](OutcomeType type) {
        return [=](const AttemptRecord &attempt) { return attempt.outcome == type; };
    };
    if (any(attempts, [](const auto &attempt) { return attempt.code == kTimedOutCode; })) {
        return ApiError::of(504, "provider_timeout",
                            "No provider made the image in time. A provider may still be working "
                            "on it.");
    }
    if (!history.is_empty() && all(attempts, ended_as(OutcomeType::throttled))) {
        return error_unavailable(history, now);
    }
    if (history.skipped().empty() && all(attempts, ended_as(OutcomeType::out_of_quota))) {
        ApiError error = ApiError::of(502, "insufficient_quota",
                                      "The provider keys of this gateway have no quota left.");
        error.type = "insufficient_quota";
        return error;
    }
    if (!attempts.empty() && attempts.back().code == kNoConnectionCode) {
        return error_overloaded("This gateway has no free connection for a call to a provider.");
    }
    if (history.skipped().empty() && all(attempts, ended_as(OutcomeType::not_here))) {
        return ApiError::of(404, "model_not_found",
                            "No provider offers the model '" + std::string(requested_model) + "'.",
                            "model");
    }
    std::string message = "No provider could make the image.";
    if (!attempts.empty()) {
        message += " The last attempt, at " + attempts.back().provider + ", ended as ";
        message += name_of(attempts.back().outcome);
        message += ".";
    }
    return ApiError::of(502, "all_providers_failed", message);
}

std::optional<bool> should_retry(const ApiError &error, const History &history, bool billed) {
    const bool is_repeated_by_clients =
        error.status == 408 || error.status == 409 || error.status == 429 || error.status >= 500;
    const std::vector<AttemptRecord> &attempts = history.attempts();
    if (!is_repeated_by_clients) {
        return std::nullopt;
    }
    if (billed || any(attempts, [](const AttemptRecord &attempt) {
            return attempt.may_be_billed || attempt.cost || attempt.outcome == OutcomeType::made;
        })) {
        return false;
    }
    if (error.retry_after) {
        return is_short(error.retry_after);
    }
    if (attempts.empty()) {
        return std::nullopt;
    }
    return all(attempts,
               [](const auto &attempt) { return attempt.outcome == OutcomeType::broken; });
}

ApiError error_too_late(Milliseconds deadline, bool may_still_be_working) {
    return ApiError::of(504, "deadline_exceeded",
                        "No image was made within " + in_words(deadline) +
                            (may_still_be_working ? ". A provider may still be working on it."
                                                  : ". No provider is working on it."));
}

ApiError error_overloaded(const std::string &why) {
    return ApiError::for_now(503, "overloaded", why);
}

ApiError error_memory_held() {
    return error_overloaded(
        "The gateway's memory for images is full until clients have received some of them.");
}

ApiError error_exceeded(const Exceeded &exceeded) {
    ApiError error;
    if (exceeded.what == Exceeded::What::budget) {
        error = ApiError::of(402, "budget_exceeded", message_of(exceeded));
    } else if (exceeded.what == Exceeded::What::never) {
        error = ApiError::of(400, "invalid_value", message_of(exceeded), "n");
    } else if (exceeded.what == Exceeded::What::unavailable) {
        error = ApiError::for_now(503, "accounts_unavailable", message_of(exceeded));
    } else {
        error = ApiError::of(429, "rate_limit_exceeded", message_of(exceeded));
        error.retry_after = exceeded.retry_after;
    }
    error.limited = {party_word(exceeded), limit_word(exceeded)};
    return error;
}

namespace {

ApiError incomplete(int64_t requested, int64_t made, std::string_view why, std::string_view more) {
    std::string message =
        "Only " + std::to_string(made) + " of " + std::to_string(requested) + " images were made";
    message.append(why.empty() ? "" : ": ").append(why).append(".").append(more);
    return ApiError::of(502, "incomplete", std::move(message), "n");
}

}  // namespace

ApiError error_incomplete(int64_t requested, int64_t made, std::string_view why) {
    return incomplete(
        requested, made, why,
        " The images that were made are billed. Without strict fitting the reply would contain "
        "them.");
}

ApiError error_no_more(int64_t requested, int64_t made, std::string_view why) {
    return incomplete(requested, made, why, "");
}

}  // namespace gateway
