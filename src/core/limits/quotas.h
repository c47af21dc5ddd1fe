// What is left to a caller in the minute and the day.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/limits/limits.h"
#include "core/limits/tally.h"

namespace gateway {

// What the x-ratelimit headers of a response say; limit 0 means no limit.
struct Quota {
    int64_t limit = 0;
    int64_t remaining = 0;
    int64_t reset_seconds = 0;
};

// The quotas of those parties that are nearest to their limits.
struct Quotas {
    Quota requests;
    Quota images;

    void add_party(const Limits &limits, const Tally &tally, const Dated &now);
    // Of one limit: how much is used of `max`, and seconds until nothing is.
    void add(const LimitRow &limit, int64_t max, int64_t used, int64_t reset_seconds);
};

// The headers of a quota.
struct QuotaHeaders {
    Quota Quotas::*quota;
    std::string_view limit;
    std::string_view remaining;
    std::string_view reset;
};

inline constexpr QuotaHeaders kQuotaHeaders[] = {
    {&Quotas::requests, "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
     "x-ratelimit-reset-requests"},
    {&Quotas::images, "x-ratelimit-limit-images", "x-ratelimit-remaining-images",
     "x-ratelimit-reset-images"},
};

}  // namespace gateway
