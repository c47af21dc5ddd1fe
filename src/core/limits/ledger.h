// What each key has used, in memory that all workers share: requests and images by the minute and
// the day, and leases on concurrency. Plain data under one lock; a worker that dies leaves nothing
// that cannot be swept.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "core/access/key_ring.h"
#include "core/limits/account.h"
#include "core/limits/leases.h"
#include "core/ports.h"

namespace gateway {

// Who is counted: a key, by its id.
Account account_of(const Key &key);

// What the headers on an admitted answer say; limit 0 means that there is none.
struct Quota {
    int64_t limit = 0;
    int64_t remaining = 0;
    int64_t reset_seconds = 0;
};

struct LimitReached {
    std::string message;
    int retry_after = 1;
};

struct Admission {
    LeaseHandle lease;
    Quota requests;
    Quota images;
};

class Ledger {
 public:
    // Lays out the region anew, or takes it over as an earlier configuration left it.
    // False when the region is too small or is not ours.
    static bool prepare(std::span<std::byte> region, bool fresh);
    // The smallest region that prepare() takes.
    static size_t least_size();

    explicit Ledger(SharedMemory &memory) : memory_(memory) {}

    // One request more: counts it and takes a lease, or says which limit is reached.
    tl::expected<Admission, LimitReached> enter(const Account &account, const KeyLimits &limits,
                                                Moment now, int32_t process,
                                                int64_t lease_milliseconds);
    void leave(LeaseHandle lease) noexcept;

    // `count` images are about to be made; give_back() what was not.
    tl::expected<Quota, LimitReached> reserve_images(const Account &account,
                                                     const KeyLimits &limits, int64_t count,
                                                     Moment now);
    void give_back_images(const Account &account, int64_t count, Moment reserved_at) noexcept;

    // Takes back the leases of processes that are gone and those that have outlived their deadline.
    size_t sweep(Moment now, const std::function<bool(int32_t)> &is_alive);

 private:
    SharedMemory &memory_;
};

}  // namespace gateway
