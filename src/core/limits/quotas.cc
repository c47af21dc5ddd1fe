#include "core/limits/quotas.h"

#include <algorithm>

namespace gateway {

void Quotas::add_party(const Limits &limits, const Tally &tally, const Dated &now) {
#pragma GCC unroll 8
    for (const LimitRow &limit : kLimitRows) {
        const int64_t max = limits.*limit.value;
        if (max == 0 || limit.window == LimitWindow::at_once) {
            continue;
        }
        Quota &nearest = limit.unit == LimitUnit::requests ? requests : images;
        const int64_t remaining = std::max<int64_t>(0, max - tally.used(limit, now));
        if (nearest.limit == 0 || remaining < nearest.remaining) {
            nearest = {max, remaining, tally.until_unused(limit, now)};
        }
    }
}

void Quotas::add(const LimitRow &limit, int64_t max, int64_t used, int64_t reset_seconds) {
    if (max == 0 || limit.window == LimitWindow::at_once) {
        return;
    }
    Quota &nearest = limit.unit == LimitUnit::requests ? requests : images;
    const int64_t remaining = std::max<int64_t>(0, max - used);
    if (nearest.limit == 0 || remaining < nearest.remaining) {
        nearest = {max, remaining, reset_seconds};
    }
}

}  // namespace gateway
