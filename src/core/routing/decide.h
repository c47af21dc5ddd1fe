// Step 8: decides what to do after an outcome.
#pragma once

#include "core/outcome.h"

namespace gateway {

// The settings of the requested alias for outcomes after which there is a choice.
enum class AfterUnknown : uint8_t { fallback, fail };
enum class AfterRefusal : uint8_t { fail, fallback };

struct RouteChoice {
    AfterUnknown after_unknown = AfterUnknown::fallback;
    AfterRefusal after_refusal = AfterRefusal::fail;  // a provider's policy refused the request
};

// What may still be tried at this candidate.
struct RetryOptions {
    bool again = false;              // the retry rules allow another attempt
    bool other_key = false;          // a provider key has not been tried
    bool takes_idempotency = false;  // the provider does not make or bill a repeated call twice
};

enum class Next : uint8_t {
    answer,       // images were made
    tell_caller,  // return this error to the caller; try no other candidate
    same_again,   // try this candidate again after a pause
    next_key,     // try this candidate with another key
    next_candidate,
    give_up,
};

Next decide(OutcomeType outcome, RouteChoice choice, RetryOptions options);

}  // namespace gateway
