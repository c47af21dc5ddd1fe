// How long to wait before a call is repeated.
#pragma once

#include <optional>

#include "core/ports.h"
#include "core/providers/provider.h"

namespace gateway {

// Exponential backoff with full jitter: a random time between zero and a bound that doubles with
// each attempt. Never shorter than the `retry_after` of the provider.
Milliseconds pause_before_retry(const RetryRules &rules, int attempts_made,
                                std::optional<Milliseconds> retry_after, Random &random);

}  // namespace gateway
