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

std::optional<Account> Leases::give_back(LeaseHandle lease) {
    if (lease.number == 0) {
        return std::nullopt;
    }
    const Lease &place = places_[lease.number - 1];
    if (place.generation != lease.generation || place.process == 0) {
        return std::nullopt;
    }
    return release(lease.number);
}

size_t Leases::sweep(Moment now, const std::function<bool(int32_t)> &is_alive,
                     const std::function<void(const Account &)> &on_taken_back) {
    size_t swept = 0;
    for (uint32_t number = 1; number <= list_.count; ++number) {
        const Lease &lease = places_[number - 1];
        if (lease.process != 0 && (lease.deadline < now.milliseconds || !is_alive(lease.process))) {
            on_taken_back(release(number));
            ++swept;
        }
    }
    return swept;
}

Account Leases::release(uint32_t number) {
    Lease &lease = places_[number - 1];
    const Account account = lease.account;
    const uint32_t generation = lease.generation;
    lease = Lease{};
    lease.generation = generation;
    lease.next_free = list_.first_free;
    list_.first_free = number;
    return account;
}

}  // namespace gateway
