// Step 8: what next after this outcome.
#pragma once

#include "core/outcome.h"

namespace gateway {

// What the alias that was asked for says about outcomes that leave a choice.
enum class AfterUnknown : uint8_t { fallback, fail };
enum class AfterRefusal : uint8_t { fail, fallback };

struct RouteChoice {
    AfterUnknown after_unknown = AfterUnknown::fallback;
    AfterRefusal after_refusal = AfterRefusal::fail;  // by a provider's policy
};

// What may still be done at this candidate.
struct RetryOptions {
    bool again = false;              // the retry rules allow another attempt
    bool other_key = false;          // there is a key that was not tried
    bool takes_idempotency = false;  // a repeated call is not made, and billed, twice
};

enum class Next : uint8_t {
    answer,       // there are images
    tell_caller,  // the caller's business: no other provider is asked
    same_again,   // this candidate, after a pause
    next_key,     // this candidate, with another key
    next_candidate,
    give_up,
};

Next decide(OutcomeType outcome, RouteChoice choice, RetryOptions options);

}  // namespace gateway
