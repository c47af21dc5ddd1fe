// From what went wrong at providers to what the caller is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/api_error.h"
#include "core/limits/exceeded.h"
#include "core/outcome.h"
#include "core/ports.h"
#include "core/routing/history.h"

namespace gateway {

// The caller's business: a refusal, or a mistake in the request, in the provider's own words.
ApiError error_told_by_provider(const Outcome &outcome);

// The one that helps the caller most, of all that was tried in vain.
ApiError error_when_all_failed(const History &history, std::string_view requested_model,
                               Milliseconds now);

// For the header x-should-retry, which OpenAI's clients obey: they repeat statuses 408, 409, 429
// and 5xx by themselves. No, where it may be billed again or is of no use; yes, where it is
// neither; nothing where clients decide.
std::optional<bool> should_retry(const ApiError &error, const History &history, bool billed);

ApiError error_too_late(Milliseconds deadline, bool may_still_be_working);

// Of a caller's limits or budgets.
ApiError error_exceeded(const Exceeded &exceeded);

// This gateway can do no more just now.
ApiError error_overloaded(const std::string &why);
ApiError error_memory_held();

// Fewer images than were asked for, and strictly so many.
ApiError error_incomplete(int64_t requested, int64_t made, std::string_view why);
// The same where those that were made are told already.
ApiError error_no_more(int64_t requested, int64_t made, std::string_view why);

}  // namespace gateway
