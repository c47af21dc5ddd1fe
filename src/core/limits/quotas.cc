#include "core/limits/quotas.h"

#include <algorithm>

namespace gateway {

namespace {

Quota quota_of(const SlidingMinute &minute, int64_t limit, Moment now) {
    if (limit == 0) {
        return {};
    }
    const int64_t used = minute.used(second_of(now));
    return {limit, std::max<int64_t>(0, limit - used), minute.until_unused(second_of(now))};
}

Quota quota_of_day(const Tally &tally, int64_t limit, const Dated &now) {
    if (limit == 0) {
        return {};
    }
    const int64_t today = now.number(Period::day);
    return {limit, std::max<int64_t>(0, limit - tally.images_on(today)),
            *end_of(Period::day, today) - now.unix_seconds};
}

void choose_nearer(Quota &nearest, const Quota &other) {
    if (other.limit != 0 && (nearest.limit == 0 || other.remaining < nearest.remaining)) {
        nearest = other;
    }
}

}  // namespace

void Quotas::add_party(const Limits &limits, const Tally &tally, const Dated &now) {
    choose_nearer(requests, quota_of(tally.requests, limits.requests_per_minute, now));
    choose_nearer(images, quota_of(tally.images, limits.images_per_minute, now));
    choose_nearer(images, quota_of_day(tally, limits.images_per_day, now));
}

}  // namespace gateway
