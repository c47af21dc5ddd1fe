#include "core/routing/asked_before.h"

#include <algorithm>

namespace gateway {

namespace {

// The attempt of the dead worker counts as one.
bool may_repeat(const Candidate &candidate) {
    return decide(OutcomeType::unknown, {},
                  {candidate.provider->retry.attempts > 1, false,
                   candidate.provider->takes_idempotency}) == Next::same_again;
}

}  // namespace

bool AskedBefore::may_ask(const Candidate &candidate, AfterUnknown after_unknown) const {
    if (candidates.empty()) {
        return true;
    }
    const auto is_it = [&](const Candidate &one) { return one.is_same(candidate); };
    const auto is_of_provider = [&](const Candidate &one) {
        return one.provider == candidate.provider;
    };
    if (std::any_of(candidates.begin(), candidates.end(), is_it)) {
        return may_repeat(candidate) &&
               (after_unknown == AfterUnknown::fallback ||
                std::all_of(candidates.begin(), candidates.end(), may_repeat));
    }
    return after_unknown == AfterUnknown::fallback &&
           std::none_of(candidates.begin(), candidates.end(), is_of_provider);
}

}  // namespace gateway
