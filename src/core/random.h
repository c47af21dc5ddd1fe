// What is drawn from the port Random.
#pragma once

#include "core/ports.h"

namespace gateway {

uint64_t random_number(Random &random);

// A seed that every provider takes, and none takes for "any".
int64_t random_seed(Random &random);

// Evenly distributed, both ends included.
Milliseconds random_time(Milliseconds shortest, Milliseconds longest, Random &random);

}  // namespace gateway
