#include "core/limits/leases.h"

#include <algorithm>

namespace gateway {

namespace {

// Workers look for what dead ones have left when they start, and every few seconds.
constexpr int64_t kWaitForHeir = 120'000;

}  // namespace

LeaseHandle Leases::take(uint32_t number, const Account &account, int32_t process,
                         int64_t deadline) {
    Lease &lease = at(number);
    list_.first_free = lease.next_free;
    list_.used = std::max(list_.used, number);
    lease.process = process;
    lease.next_free = 0;
    lease.heir = Lease::Heir::none;
    lease.account = account;
    lease.deadline = deadline;
    lease.amount = 0;
    ++lease.generation;
    return {number, lease.generation};
}

Lease *Leases::find(LeaseHandle lease) const {
    if (lease.number == 0 || lease.number > list_.used) {
        return nullptr;
    }
    Lease &place = at(lease.number);
    return place.generation == lease.generation && place.process != 0 ? &place : nullptr;
}

Lease Leases::release(uint32_t number) {
    Lease &place = at(number);
    const Lease lease = place;
    place = Lease{};
    place.generation = lease.generation;
    place.next_free = list_.first_free;
    list_.first_free = number;
    return lease;
}

bool LeaseJudge::is_dead(const Lease &lease) {
    Known &known = known_[static_cast<uint32_t>(lease.process) % known_.size()];
    if (lease.process != known.process) {
        known = {lease.process, is_alive_(lease.process)};
    }
    return !known.alive;
}

bool LeaseJudge::is_over(const Lease &lease) {
    return lease.process != 0 && (lease.deadline < now_.milliseconds ||
                                  (lease.heir != Lease::Heir::awaited && is_dead(lease)));
}

bool LeaseJudge::is_left(const Lease &lease) {
    return lease.process != 0 && lease.heir == Lease::Heir::may_come && is_dead(lease);
}

void LeaseJudge::await_heir(Lease &lease) const {
    lease.heir = Lease::Heir::awaited;
    lease.deadline = std::min(lease.deadline, now_.milliseconds + kWaitForHeir);
}

}  // namespace gateway
