#include "core/limits/leases.h"

namespace gateway {

void Leases::clear() {
    for (uint32_t i = 0; i < list_.count; ++i) {
        places_[i] = Lease{};
        places_[i].next_free = i + 1 < list_.count ? i + 2 : 0;
    }
    list_.first_free = list_.count > 0 ? 1 : 0;
}

std::optional<LeaseHandle> Leases::take(const Account &account, int32_t process, int64_t deadline) {
    const uint32_t number = list_.first_free;
    if (number == 0) {
        return std::nullopt;
    }
    Lease &lease = places_[number - 1];
    list_.first_free = lease.next_free;
    lease.process = process;
    lease.account = account;
    lease.deadline = deadline;
    ++lease.generation;
    return LeaseHandle{number, lease.generation};
}

Lease *Leases::find(LeaseHandle lease) const {
    if (lease.number == 0 || lease.number > list_.count) {
        return nullptr;
    }
    Lease &place = places_[lease.number - 1];
    return place.generation == lease.generation && place.process != 0 ? &place : nullptr;
}

std::optional<Lease> Leases::give_back(LeaseHandle lease) {
    return find(lease) == nullptr ? std::nullopt : std::optional(release(lease.number));
}

size_t Leases::sweep(Moment now, const std::function<bool(int32_t)> &is_alive,
                     const std::function<void(const Lease &)> &on_taken_back) {
    size_t swept = 0;
    int32_t known = 0;  // most leases in a row are of few processes
    bool known_alive = false;
    for (uint32_t number = 1; number <= list_.count; ++number) {
        const Lease &lease = places_[number - 1];
        if (lease.process == 0) {
            continue;
        }
        if (lease.process != known) {
            known = lease.process;
            known_alive = is_alive(known);
        }
        if (lease.deadline < now.milliseconds || !known_alive) {
            on_taken_back(release(number));
            ++swept;
        }
    }
    return swept;
}

Lease Leases::release(uint32_t number) {
    Lease &place = places_[number - 1];
    const Lease lease = place;
    place = Lease{};
    place.generation = lease.generation;
    place.next_free = list_.first_free;
    list_.first_free = number;
    return lease;
}

}  // namespace gateway
