// What is drawn from the port Random.
#pragma once

#include "core/ports.h"

namespace gateway {

uint64_t random_number(Random &random);

// Evenly distributed, both ends included.
Milliseconds random_time(Milliseconds shortest, Milliseconds longest, Random &random);

}  // namespace gateway
