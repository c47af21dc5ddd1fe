// Turns failures at providers into the error that the caller gets.
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

// A refusal, or a mistake in the request. Has the provider's own message.
ApiError error_told_by_provider(const Outcome &outcome);

// Chooses the error that helps the caller most, when no attempt made an image.
ApiError error_when_all_failed(const History &history, std::string_view requested_model,
                               Milliseconds now);

// The header x-should-retry, which OpenAI's clients obey: they repeat statuses 408, 409, 429 and
// 5xx by themselves. False if a repeated request may be billed again or would not help. True if
// neither holds. Nothing if clients decide.
std::optional<bool> should_retry(const ApiError &error, const History &history, bool billed);

ApiError error_too_late(Milliseconds deadline, bool may_still_be_working);

// A limit or budget of the caller was exceeded.
ApiError error_exceeded(const Exceeded &exceeded);

// The gateway currently cannot serve more requests.
ApiError error_overloaded(const std::string &why);
ApiError error_memory_held();

// Fewer images were made than requested, and fitting is strict.
ApiError error_incomplete(int64_t requested, int64_t made, std::string_view why);
// The same if the images that were made have already been sent.
ApiError error_no_more(int64_t requested, int64_t made, std::string_view why);

}  // namespace gateway
