#include "core/routing/backoff.h"

#include <algorithm>

#include "core/random.h"

namespace gateway {

Milliseconds pause_before_retry(const RetryRules &rules, int attempts_made,
                                std::optional<Milliseconds> retry_after, Random &random) {
    const int doublings = std::clamp(attempts_made - 1, 0, 20);
    const Milliseconds bound =
        std::min(rules.longest_pause, rules.shortest_pause * (int64_t{1} << doublings));
    return std::max(random_time(Milliseconds(0), bound, random),
                    retry_after.value_or(Milliseconds(0)));
}

}  // namespace gateway
