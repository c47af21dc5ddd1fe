// From what went wrong at providers to what the caller is told, and what the operator reads.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api_error.h"
#include "core/outcome.h"
#include "core/ports.h"
#include "core/response/answer.h"

namespace gateway {

// The caller's business: a refusal, or a mistake in the request, in the provider's own words.
ApiError error_told_by_provider(const Outcome &outcome);

ApiError error_when_all_failed(const std::vector<AttemptRecord> &attempts,
                               std::optional<Milliseconds> shortest_wait,
                               std::string_view model_asked);

ApiError error_too_late(Milliseconds deadline);

// The client's fault is info, the provider's is a warning, and what the operator must see to is an
// error.
LogLevel log_level(OutcomeType outcome);

// One line about the last of the attempts.
std::string describe_failure(const std::vector<AttemptRecord> &attempts, std::string_view message);

}  // namespace gateway
