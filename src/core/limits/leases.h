// What somebody holds until they give it back or are found dead, in memory that all workers share.
// Plain data; the caller holds the lock, and keeps what there was until its change is complete.
#pragma once

#include <array>
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

// In the header of what has leases. Lease numbers start at 1.
struct LeaseList {
    uint32_t count = 0;
    uint32_t used = 0;  // so many places have ever been taken; memory behind them is not touched
    uint32_t first_free = 0;  // of those
};

class Leases {
 public:
    Leases(LeaseList &list, Lease *places) : list_(list), places_(places) {}

    // The number of the lease that take() will take; 0: there is none left.
    [[nodiscard]] uint32_t next() const {
        return list_.first_free != 0 ? list_.first_free
                                     : (list_.used < list_.count ? list_.used + 1 : 0);
    }
    // `number` is next().
    LeaseHandle take(uint32_t number, const Account &account, int32_t process, int64_t deadline);
    // While it is held; null after.
    [[nodiscard]] Lease *find(LeaseHandle lease) const;
    // Of a lease that is held. Returns it as it was.
    Lease release(uint32_t number);

    [[nodiscard]] Lease &at(uint32_t number) const { return places_[number - 1]; }
    [[nodiscard]] LeaseList &list() const { return list_; }

 private:
    LeaseList &list_;
    Lease *places_;
};

// Finds leases of processes that are gone, and those that have outlived their deadline.
class LeaseJudge {
 public:
    LeaseJudge(Moment now, const std::function<bool(int32_t)> &is_alive)
        : now_(now), is_alive_(is_alive) {}
    bool is_over(const Lease &lease);

 private:
    Moment now_;
    const std::function<bool(int32_t)> &is_alive_;
    struct Known {
        int32_t process = 0;
        bool alive = false;
    };
    std::array<Known, 64> known_{};  // by number: there are few processes, and each costs a call
};

}  // namespace gateway
