#include "core/routing/decide.h"

namespace gateway {

Next decide(OutcomeType outcome, AfterUnknown after_unknown) {
    switch (outcome) {
        case OutcomeType::made: return Next::answer;
        case OutcomeType::refused_by_policy:
        case OutcomeType::callers_fault: return Next::tell_caller;
        case OutcomeType::our_credentials:
        case OutcomeType::out_of_quota:
        case OutcomeType::throttled: return Next::next_key;
        case OutcomeType::not_here:
        case OutcomeType::broken: return Next::next_candidate;
        case OutcomeType::unknown:
            return after_unknown == AfterUnknown::fail ? Next::give_up : Next::next_candidate;
        case OutcomeType::pending:
        case OutcomeType::too_late: break;
    }
    return Next::give_up;
}

}  // namespace gateway
