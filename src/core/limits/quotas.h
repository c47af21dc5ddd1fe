// What is left to a caller of the minute and the day.
#pragma once

#include <cstdint>

#include "core/limits/limits.h"
#include "core/limits/tally.h"

namespace gateway {

// What the headers on an admitted answer say; limit 0 means that there is none.
struct Quota {
    int64_t limit = 0;
    int64_t remaining = 0;
    int64_t reset_seconds = 0;
};

// Of all parties, the ones that are nearest to their limits.
struct Quotas {
    Quota requests;
    Quota images;

    void add_party(const Limits &limits, const Tally &tally, const Dated &now);
};

}  // namespace gateway
