// Random values from the port Random.
#pragma once

#include "core/ports.h"

namespace gateway {

uint64_t random_number(Random &random);

// A seed that every provider accepts, and that no provider interprets as "any seed".
int64_t random_seed(Random &random);

// A uniformly distributed time, including both ends.
Milliseconds random_time(Milliseconds shortest, Milliseconds longest, Random &random);

}  // namespace gateway
