// Step 8: what next after this outcome.
#pragma once

#include "core/outcome.h"
#include "core/routing/model_map.h"

namespace gateway {

enum class Next : uint8_t {
    answer,       // there are images
    tell_caller,  // the caller's business: no other provider is asked
    next_key,     // this provider with another key, or else the next candidate
    next_candidate,
    give_up,
};

Next decide(OutcomeType outcome, AfterUnknown after_unknown);

}  // namespace gateway
