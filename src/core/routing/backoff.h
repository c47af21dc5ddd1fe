// How long to wait before the same is tried again.
#pragma once

#include <optional>

#include "core/ports.h"
#include "core/providers/provider.h"

namespace gateway {

// Exponential with full jitter: anything between nothing and a bound that doubles with each attempt
// made so far; but not before the provider wants to be asked again.
Milliseconds pause_before_retry(const RetryRules &rules, int attempts_made,
                                std::optional<Milliseconds> retry_after, Random &random);

}  // namespace gateway
