// Leases in memory that all workers share: what a request holds until it gives it back, or until
// its worker is found dead. Plain data; the caller holds the lock and can undo an incomplete
// change.
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
    uint32_t generation =
        0;  // tells holders of this place apart: a late one must not release another's lease
    // Whether another process may take it over if its own dies, and is waited for. `unspent`: none
    // may, and nothing of what it holds was spent.
    enum class Heir : uint32_t { none, may_come, awaited, unspent };
    Heir heir = Heir::none;
    Account account{};
    int64_t deadline = 0;  // monotonic milliseconds
    int64_t amount = 0;    // for the user of the lease, such as money that it holds
};

struct LeaseHandle {
    uint32_t number = 0;  // 0: none was needed
    uint32_t generation = 0;
    bool operator==(const LeaseHandle &) const = default;
};

// In the header of a region with leases. Lease numbers start at 1.
struct LeaseList {
    uint32_t count = 0;
    uint32_t used = 0;        // places ever taken; the memory behind them is untouched
    uint32_t first_free = 0;  // of those
};

class Leases {
 public:
    Leases(LeaseList &list, Lease *places) : list_(list), places_(places) {}

    // The number of the lease that take() will take; 0 if all are taken.
    [[nodiscard]] uint32_t next() const {
        return list_.first_free != 0 ? list_.first_free
                                     : (list_.used < list_.count ? list_.used + 1 : 0);
    }
    // `number` is next().
    LeaseHandle take(uint32_t number, const Account &account, int32_t process, int64_t deadline);
    // Null if it is not held any more.
    [[nodiscard]] Lease *find(LeaseHandle lease) const;
    // The lease must be held. Returns it as it was.
    Lease release(uint32_t number);

    [[nodiscard]] Lease &at(uint32_t number) const { return places_[number - 1]; }
    [[nodiscard]] LeaseList &list() const { return list_; }

 private:
    LeaseList &list_;
    Lease *places_;
};

// Decides whether a lease is over: its process has died and none takes it over, or its deadline has
// passed.
class LeaseJudge {
 public:
    LeaseJudge(Moment now, const std::function<bool(int32_t)> &is_alive)
        : now_(now), is_alive_(is_alive) {}
    bool is_over(const Lease &lease);
    // Whether its process has died, and another one may take it over.
    bool is_left(const Lease &lease);
    // The lease is over if nobody takes it over soon.
    void await_heir(Lease &lease) const;

 private:
    bool is_dead(const Lease &lease);

    Moment now_;
    const std::function<bool(int32_t)> &is_alive_;
    struct Known {
        int32_t process = 0;
        bool alive = false;
    };
    std::array<Known, 64> known_{};  // by process number: each process costs one system call
};

}  // namespace gateway
