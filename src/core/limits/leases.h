// What somebody holds until they give it back or are found dead, in memory that all workers share.
// Plain data; the caller holds the lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "core/limits/account.h"

namespace gateway {

struct Lease {
    int32_t process = 0;  // 0: free
    uint32_t next_free = 0;
    uint32_t generation = 0;  // which holder of this place: a late one must not let go of another's
    uint32_t unused = 0;
    Account account{};
    int64_t deadline = 0;  // monotonic milliseconds
    int64_t amount = 0;    // that goes with it, to whoever counts something by it
};

struct LeaseHandle {
    uint32_t number = 0;  // 0: none was needed
    uint32_t generation = 0;
    bool operator==(const LeaseHandle &) const = default;
};

// In the header of what has leases.
struct LeaseList {
    uint32_t count = 0;
    uint32_t first_free = 0;  // lease numbers start at 1
};

class Leases {
 public:
    Leases(LeaseList &list, Lease *places) : list_(list), places_(places) {}

    void clear();
    // Nothing when all are taken.
    std::optional<LeaseHandle> take(const Account &account, int32_t process, int64_t deadline);
    // While it is held; null after.
    Lease *find(LeaseHandle lease) const;
    // As it was; nothing if it was given back already.
    std::optional<Lease> give_back(LeaseHandle lease);

    // Takes back the leases of processes that are gone and those that have outlived their deadline.
    size_t sweep(Moment now, const std::function<bool(int32_t)> &is_alive,
                 const std::function<void(const Lease &)> &on_taken_back);

 private:
    Lease release(uint32_t number);

    LeaseList &list_;
    Lease *places_;
};

}  // namespace gateway
