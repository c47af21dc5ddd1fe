#include "core/routing/decide.h"

namespace gateway {

Next decide(OutcomeType outcome, RouteChoice choice, RetryOptions options) {
    switch (outcome) {
        case OutcomeType::made: return Next::answer;
        case OutcomeType::refused_by_policy:
            return choice.after_refusal == AfterRefusal::fallback ? Next::next_candidate
                                                                  : Next::tell_caller;
        case OutcomeType::callers_fault: return Next::tell_caller;
        case OutcomeType::our_credentials:
        case OutcomeType::out_of_quota:
        case OutcomeType::throttled:
            return options.other_key ? Next::next_key : Next::next_candidate;
        case OutcomeType::not_here: return Next::next_candidate;
        case OutcomeType::broken: return options.again ? Next::same_again : Next::next_candidate;
        case OutcomeType::unknown:
            if (options.again && options.takes_idempotency) {
                return Next::same_again;
            }
            return choice.after_unknown == AfterUnknown::fail ? Next::give_up
                                                              : Next::next_candidate;
        case OutcomeType::pending:
        case OutcomeType::too_late: break;
    }
    return Next::give_up;
}

}  // namespace gateway
