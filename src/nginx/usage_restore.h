// Brings what was used before this memory was laid out from the state file back into the ledger.
#pragma once

#include <cstddef>

#include "nginx/usage_job.h"

namespace gateway {

// In this order: keys with a budget, other keys in use, and some that a keys.json may have again.
// To bring something back again, as the worker does that takes over from a dead one, changes
// nothing. Returns the number of sums for which there was no room.
size_t restore_usage(Ledger &ledger, const Balance &balance, const KeyRings &keys, Moment now);

}  // namespace gateway
