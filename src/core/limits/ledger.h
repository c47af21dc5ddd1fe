// What each key has used, in memory that all workers share: requests and images by the minute and
// the day, and leases on concurrency. Plain data under one lock; a worker that dies leaves nothing
// that cannot be swept.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "core/access/key_ring.h"
#include "core/ports.h"

namespace gateway {

// Who is counted: the front of the hash of the key's id.
using Account = std::array<uint64_t, 2>;
Account account_of(const Key &key);

struct Moment {
    int64_t unix_seconds = 0;
    int64_t milliseconds = 0;  // monotonic
};

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

struct LeaseHandle {
    uint32_t number = 0;  // 0: none was needed
    uint32_t generation = 0;
    bool operator==(const LeaseHandle &) const = default;
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
