// Restores to the ledger what the state file says was used before the memory was laid out.
#pragma once

#include <cstddef>

#include "nginx/usage_job.h"

namespace gateway {

// In this order: keys with a budget, other keys in use, and some keys that a keys.json may have
// again. Returns the number of sums for which there was no room.
size_t restore_usage(Ledger &ledger, const Balance &balance, const KeyRings &keys, Moment now);

}  // namespace gateway
