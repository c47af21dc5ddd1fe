// The settings of a location for idempotency keys, shared requests and the cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace gateway {

struct IdempotencyRules {
    bool on = true;
    int64_t keep = 86'400;  // seconds
};

struct CoalesceRules {
    bool on = false;
    bool charge_each = false;  // each request pays, not only the first
    bool unseeded = false;     // also requests without a seed
};

struct CacheRules {
    bool on = false;
    int64_t ttl = 3'600;         // seconds
    bool for_whole_key = false;  // else results are for one end user of a key
    bool unseeded = false;
};

struct JobRules {
    bool on = false;
    int64_t keep = 3'600;   // seconds, after the end
    int64_t waiting = 100;  // jobs that may wait, of all callers; 0: none
};

struct SharingRules {
    IdempotencyRules idempotency;
    CoalesceRules coalesce;
    CacheRules cache;
    JobRules jobs;
    std::string place;    // names the location, if its results are kept
    size_t kept_max = 0;  // bytes that records may keep in the store
};

}  // namespace gateway
