#include "core/limits/ledger.h"

#include <algorithm>
#include <optional>
#include <span>

#include "core/limits/memory_lock.h"
#include "core/limits/region.h"
#include "core/limits/tally.h"
#include "core/utc_time.h"

namespace gateway {

namespace {

// The number is the layout's version.
using Places = Region<Tally, 0x3476726465676c31, 8>;
using Layout = Places::Layout;

constexpr int32_t kRestored = -1;  // a note in the region; a process's number while it is at it

Layout layout_of(std::span<std::byte> region) {
    return Places::layout(region);
}

std::string whose(const Party &party) {
    switch (party.kind) {
        case Party::Kind::key: return "this key";
        case Party::Kind::end_user: return "this end user";
        case Party::Kind::address: return "this address";
        case Party::Kind::model: break;
    }
    return "the models " + std::string(party.name) + " with this key";
}

Exceeded rate_exceeded(const Party &party, int64_t limit, const char *what, int64_t retry_after) {
    return {Exceeded::What::rate,
            "The limit of " + std::to_string(limit) + " " + what + " for " + whose(party) +
                " is reached.",
            static_cast<int>(retry_after)};
}

Exceeded no_room() {
    return {Exceeded::What::room,
            "The gateway has no room to count another caller; its image_gateway_zone is too small.",
            60};
}

Exceeded budget_exceeded(const Budget &budget, MicroUsd left, MicroUsd wanted, Moment now) {
    std::string text =
        "The budget of this key, $" + dollars(budget.usd) +
        (budget.per == Period::lifetime ? " in all" : " per ") +
        (budget.per == Period::lifetime ? std::string() : std::string(name_of(budget.per)));
    if (left <= 0) {
        text += ", is spent.";
    } else {
        text += ", has $" + dollars(left) + " left, and this request may cost up to $" +
                dollars(wanted) + ".";
    }
    const int64_t number = number_of(budget.per, now.unix_seconds);
    if (const auto renewal = end_of(budget.per, number)) {
        text += " It renews at " + format_time(*renewal) + ".";
    } else {
        text += " It does not renew.";
    }
    return {Exceeded::What::budget, std::move(text), 0};
}

Quota quota_of(SlidingMinute &minute, int64_t limit, Moment now) {
    if (limit == 0) {
        return {};
    }
    const int64_t used = minute.used(second_of(now));
    return {limit, std::max<int64_t>(0, limit - used), minute.until_unused(second_of(now))};
}

Quota quota_of_day(Tally &tally, int64_t limit, Moment now) {
    if (limit == 0) {
        return {};
    }
    const int64_t today = number_of(Period::day, now.unix_seconds);
    tally.images_day.roll(today);
    return {limit, std::max<int64_t>(0, limit - tally.images_day.used),
            *end_of(Period::day, today) - now.unix_seconds};
}

void choose_nearer(Quota &nearest, const Quota &other) {
    if (other.limit != 0 && (nearest.limit == 0 || other.remaining < nearest.remaining)) {
        nearest = other;
    }
}

// What a request finds of all its parties, under the lock.
class Tallies {
 public:
    Tallies(const Layout &layout, Moment now, size_t &times_full)
        : layout_(layout), now_(now), times_full_(times_full) {}

    // Null when there is no room.
    Tally *find_or_add(const Party &party) {
        Tally *tally = layout_.entries.find(party.account);
        if (tally == nullptr) {
            bool made_room = false;
            tally = place_for(party, layout_.entries.places_of(party.account), now_, made_room);
            times_full_ += tally == nullptr || made_room ? 1 : 0;
            if (tally == nullptr) {
                return nullptr;
            }
            *tally = Tally{};
            tally->describe(party);
        }
        tally->has_budget = !party.budgets.empty();
        return tally;
    }

 private:
    const Layout &layout_;
    Moment now_;
    size_t &times_full_;
};

tl::expected<void, Exceeded> may_spend(const Party &party, Tally &tally, MicroUsd more,
                                       Moment now) {
    if (party.budgets.empty()) {
        return {};
    }
    tally.roll(now);
    for (const Budget &budget : party.budgets) {
        const MicroUsd left =
            budget.usd - tally.spent[static_cast<size_t>(budget.per)].used - tally.reserved;
        if (left <= 0 || left < more) {
            return tl::unexpected(budget_exceeded(budget, left, more, now));
        }
    }
    return {};
}

tl::expected<void, Exceeded> may_enter(const Party &party, Tally &tally, Moment now) {
    const Limits &limits = party.limits;
    if (limits.concurrent > 0 && tally.concurrent >= limits.concurrent) {
        return tl::unexpected(rate_exceeded(party, limits.concurrent, "concurrent requests", 1));
    }
    if (limits.requests_per_minute > 0 &&
        tally.requests.used(second_of(now)) >= limits.requests_per_minute) {
        return tl::unexpected(
            rate_exceeded(party, limits.requests_per_minute, "requests per minute",
                          tally.requests.wait_for(second_of(now), 1, limits.requests_per_minute)));
    }
    return may_spend(party, tally, 0, now);
}

tl::expected<void, Exceeded> may_reserve(const Party &party, Tally &tally, int64_t images,
                                         MicroUsd usd, Moment now) {
    const Limits &limits = party.limits;
    if (limits.images_per_minute > 0 &&
        tally.images.used(second_of(now)) + images > limits.images_per_minute) {
        return tl::unexpected(
            rate_exceeded(party, limits.images_per_minute, "images per minute",
                          tally.images.wait_for(second_of(now), images, limits.images_per_minute)));
    }
    if (limits.images_per_day > 0) {
        const int64_t today = number_of(Period::day, now.unix_seconds);
        tally.images_day.roll(today);
        if (tally.images_day.used + images > limits.images_per_day) {
            return tl::unexpected(rate_exceeded(party, limits.images_per_day, "images per day",
                                                *end_of(Period::day, today) - now.unix_seconds));
        }
    }
    return usd == 0 ? tl::expected<void, Exceeded>() : may_spend(party, tally, usd, now);
}

bool is_limited(const Stake &stake) {
    return stake.party.is_limited();
}

// Null if it is forgotten.
Tally *end_lease(const Layout &layout, const Lease &lease) {
    Tally *tally = layout.entries.find(lease.account);
    if (tally != nullptr) {
        tally->concurrent = std::max(0, tally->concurrent - 1);
        tally->reserved = std::max<MicroUsd>(0, tally->reserved - lease.amount);
    }
    return tally;
}

void end_lease(Layout &layout, Stake &stake) {
    if (const auto lease = layout.leases.give_back(std::exchange(stake.lease, {}))) {
        end_lease(layout, *lease);
    }
}

void give_back_images(Tally &tally, Stake &stake, int64_t count) {
    // The latest first: what was used was used first.
    for (auto last = stake.reservations.rbegin(); last != stake.reservations.rend(); ++last) {
        const int64_t back = std::min(count, last->images);
        tally.images.give_back(second_of(last->at), back);
        if (tally.images_day.number == number_of(Period::day, last->at.unix_seconds)) {
            tally.images_day.used = std::max<int64_t>(0, tally.images_day.used - back);
        }
        last->images -= back;
        count -= back;
    }
}

}  // namespace

size_t Ledger::least_size() {
    return Places::least_size(64);
}

bool Ledger::prepare(std::span<std::byte> region, bool fresh) {
    return region.size() >= least_size() && Places::prepare(region, fresh);
}

tl::expected<void, Exceeded> Ledger::enter(std::span<Stake> stakes, Moment now, int32_t process,
                                           int64_t lease_milliseconds) {
    if (std::none_of(stakes.begin(), stakes.end(), is_limited)) {
        return {};
    }
    const MemoryLock lock(memory_);
    Layout layout = layout_of(memory_.region());
    Tallies tallies(layout, now, times_full_);
    const auto enter_one = [&](Stake &stake) -> tl::expected<void, Exceeded> {
        Tally *tally = tallies.find_or_add(stake.party);
        if (tally == nullptr) {
            return tl::unexpected(no_room());
        }
        if (auto may = may_enter(stake.party, *tally, now); !may) {
            return may;
        }
        if (stake.party.limits.concurrent > 0 || tally->has_budget) {
            const auto lease = layout.leases.take(stake.party.account, process,
                                                  now.milliseconds + lease_milliseconds);
            if (!lease) {
                ++times_full_;
                return tl::unexpected(no_room());
            }
            stake.lease = *lease;
            ++tally->concurrent;
        }
        tally->requests.add(second_of(now), 1);
        return {};
    };
    for (auto stake = stakes.begin(); stake != stakes.end(); ++stake) {
        if (!is_limited(*stake)) {
            continue;
        }
        if (auto entered = enter_one(*stake); !entered) {
            std::for_each(stakes.begin(), stake, [&](Stake &before) {
                end_lease(layout, before);
                if (Tally *tally = layout.entries.find(before.party.account)) {
                    tally->requests.give_back(second_of(now), is_limited(before) ? 1 : 0);
                }
            });
            return entered;
        }
    }
    return {};
}

tl::expected<void, Exceeded> Ledger::reserve(std::span<Stake> stakes, int64_t images, MicroUsd usd,
                                             Moment now) {
    if (std::none_of(stakes.begin(), stakes.end(), is_limited)) {
        return {};
    }
    const MemoryLock lock(memory_);
    Layout layout = layout_of(memory_.region());
    Tallies tallies(layout, now, times_full_);
    const auto reserve_money = [&](const Stake &stake, Tally &tally, MicroUsd more) {
        if (Lease *lease = layout.leases.find(stake.lease);
            lease != nullptr && !stake.party.budgets.empty()) {
            lease->amount += more;
            tally.reserved += more;
        }
    };
    for (auto stake = stakes.begin(); stake != stakes.end(); ++stake) {
        if (!is_limited(*stake)) {
            continue;
        }
        Tally *tally = tallies.find_or_add(stake->party);
        auto may = tally == nullptr ? tl::unexpected(no_room())
                                    : may_reserve(stake->party, *tally, images, usd, now);
        if (!may) {
            std::for_each(stakes.begin(), stake, [&](Stake &before) {
                if (Tally *other = layout.entries.find(before.party.account);
                    other != nullptr && is_limited(before)) {
                    give_back_images(*other, before, images);
                    reserve_money(before, *other, -usd);
                }
            });
            return may;
        }
        tally->images.add(second_of(now), images);
        tally->images_day.roll(number_of(Period::day, now.unix_seconds));
        tally->images_day.used += images;
        stake->reservations.push_back({now, images});
        reserve_money(*stake, *tally, usd);
    }
    return {};
}

void Ledger::settle(std::span<Stake> stakes, int64_t images_used, MicroUsd spent,
                    Moment now) noexcept {
    if (spent == 0 && std::none_of(stakes.begin(), stakes.end(), is_limited)) {
        return;
    }
    const MemoryLock lock(memory_);
    Layout layout = layout_of(memory_.region());
    Tallies tallies(layout, now, times_full_);
    for (Stake &stake : stakes) {
        end_lease(layout, stake);
        const int64_t unused = stake.images() - images_used;
        const bool spends = spent > 0 && stake.party.kind == Party::Kind::key;
        Tally *tally =
            spends ? tallies.find_or_add(stake.party) : layout.entries.find(stake.party.account);
        if (tally == nullptr) {
            continue;
        }
        if (unused > 0) {
            give_back_images(*tally, stake, unused);
        }
        if (spends) {
            tally->spend(spent, now);
        }
    }
}

Quotas Ledger::quotas(std::span<const Stake> stakes, Moment now) {
    Quotas quotas;
    if (std::none_of(stakes.begin(), stakes.end(), is_limited)) {
        return quotas;
    }
    const MemoryLock lock(memory_);
    const Layout layout = layout_of(memory_.region());
    for (const Stake &stake : stakes) {
        Tally *tally = layout.entries.find(stake.party.account);
        if (tally == nullptr) {
            continue;
        }
        const Limits &limits = stake.party.limits;
        choose_nearer(quotas.requests, quota_of(tally->requests, limits.requests_per_minute, now));
        choose_nearer(quotas.images, quota_of(tally->images, limits.images_per_minute, now));
        choose_nearer(quotas.images, quota_of_day(*tally, limits.images_per_day, now));
    }
    return quotas;
}

size_t Ledger::sweep(Moment now, const std::function<bool(int32_t)> &is_alive,
                     const std::function<void(const Orphaned &)> &on_orphaned) {
    std::vector<Orphaned> orphaned;
    size_t swept = 0;
    {
        const MemoryLock lock(memory_);
        Layout layout = layout_of(memory_.region());
        swept = layout.leases.sweep(now, is_alive, [&](const Lease &lease) {
            Tally *tally = end_lease(layout, lease);
            if (tally != nullptr && lease.amount > 0) {
                tally->spend(lease.amount, now);
                orphaned.push_back({std::string(tally->key_id()), lease.amount});
            }
        });
    }
    std::for_each(orphaned.begin(), orphaned.end(), on_orphaned);
    return swept;
}

Ledger::Restoring Ledger::begin_restoring(int32_t process,
                                          const std::function<bool(int32_t)> &is_alive) {
    const MemoryLock lock(memory_);
    const Layout layout = layout_of(memory_.region());
    if (layout.note == kRestored) {
        return Restoring::done;
    }
    if (layout.note != 0 && layout.note != process && is_alive(layout.note)) {
        return Restoring::others;
    }
    layout.note = process;
    return Restoring::ours;
}

void Ledger::end_restoring() {
    const MemoryLock lock(memory_);
    layout_of(memory_.region()).note = kRestored;
}

void Ledger::give_up_restoring() {
    const MemoryLock lock(memory_);
    layout_of(memory_.region()).note = 0;
}

void Ledger::restore_spent(const Party &party, Period period, int64_t number, MicroUsd usd,
                           Moment now) {
    const MemoryLock lock(memory_);
    const Layout layout = layout_of(memory_.region());
    if (Tally *tally = Tallies(layout, now, times_full_).find_or_add(party)) {
        tally->roll(now);
        CalendarCount &count = tally->spent[static_cast<size_t>(period)];
        count.used += count.number == number ? usd : 0;
    }
}

void Ledger::restore_images(const Party &party, int64_t images, Moment now) {
    const MemoryLock lock(memory_);
    const Layout layout = layout_of(memory_.region());
    if (Tally *tally = Tallies(layout, now, times_full_).find_or_add(party)) {
        tally->images_day.roll(number_of(Period::day, now.unix_seconds));
        tally->images_day.used += images;
    }
}

}  // namespace gateway
