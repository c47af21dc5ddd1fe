#include "core/limits/ledger.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/limits/allowance.h"
#include "core/limits/memory_lock.h"
#include "core/limits/region.h"
#include "core/limits/tally.h"

namespace gateway {

namespace {

// The number is the layout's version.
using Places = Region<Tally, 0x3476726465676c31, 8>;
using Layout = Places::Layout;

constexpr int32_t kRestored = -1;  // a note in the region; a process's number while it is at it

Layout layout_of(std::span<std::byte> region) {
    return Places::layout(region);
}

Exceeded no_room() {
    return {Exceeded::What::room, 60};
}

bool is_limited(const Stake &stake) {
    return stake.party.is_limited();
}

void end_lease(Tally &tally, const Lease &lease) {
    tally.concurrent = std::max(0, tally.concurrent - 1);
    tally.reserved = std::max<MicroUsd>(0, tally.reserved - lease.amount);
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

// One turn of the lock, and what a step does in it to each party. Others wait for it: nothing here
// allocates, and each party's tally is looked for in all its places only once in a request.
class Turn {
 public:
    Turn(SharedMemory &memory, Moment now, size_t &times_full)
        : now_(now), lock_(memory), layout_(layout_of(memory.region())), times_full_(times_full) {}

    tl::expected<void, Exceeded> enter(Stake &stake, int32_t process, int64_t deadline);
    void take_back_entering(Stake &stake);
    // The stake has room for one reservation more.
    tl::expected<void, Exceeded> reserve(Stake &stake, int64_t images, MicroUsd usd);
    void take_back_reserving(Stake &stake, int64_t images, MicroUsd usd);
    void settle(Stake &stake, int64_t images_used, MicroUsd spent);
    // What is left to those that a step has been done to.
    [[nodiscard]] const Quotas &quotas() const { return quotas_; }

    // Null when there is no room.
    Tally *find_or_add(const Party &party, uint8_t &place);

 private:
    Tally *find(Stake &stake) { return layout_.entries.find(stake.party.account, stake.place); }
    Tally *find_or_add(Stake &stake) { return find_or_add(stake.party, stake.place); }
    void end_lease_of(Stake &stake, Tally *tally);
    void hold_money(const Stake &stake, Tally &tally, MicroUsd more);

    Dated now_;
    MemoryLock lock_;
    Layout layout_;
    size_t &times_full_;
    Quotas quotas_;
};

Tally *Turn::find_or_add(const Party &party, uint8_t &place) {
    Tally *tally = layout_.entries.find(party.account, place);
    if (tally == nullptr) {
        bool made_room = false;
        const std::span<Tally> places = layout_.entries.places_of(party.account);
        tally = place_for(party, places, now_, made_room);
        times_full_ += tally == nullptr || made_room ? 1 : 0;
        if (tally == nullptr) {
            return nullptr;
        }
        *tally = Tally{};
        tally->describe(party);
        place = static_cast<uint8_t>(tally - places.data());
    }
    tally->has_budget = !party.budgets.empty();
    return tally;
}

tl::expected<void, Exceeded> Turn::enter(Stake &stake, int32_t process, int64_t deadline) {
    Tally *tally = find_or_add(stake);
    if (tally == nullptr) {
        return tl::unexpected(no_room());
    }
    if (auto may = may_enter(stake.party, *tally, now_); !may) {
        return may;
    }
    if (stake.party.limits.concurrent > 0 || tally->has_budget) {
        const auto lease = layout_.leases.take(stake.party.account, process, deadline);
        if (!lease) {
            ++times_full_;
            return tl::unexpected(no_room());
        }
        stake.lease = *lease;
        ++tally->concurrent;
    }
    tally->requests.add(second_of(now_), 1);
    quotas_.add_party(stake.party.limits, *tally, now_);
    return {};
}

void Turn::take_back_entering(Stake &stake) {
    if (!is_limited(stake)) {
        return;
    }
    Tally *tally = find(stake);
    end_lease_of(stake, tally);
    if (tally != nullptr) {
        tally->requests.give_back(second_of(now_), 1);
    }
}

tl::expected<void, Exceeded> Turn::reserve(Stake &stake, int64_t images, MicroUsd usd) {
    Tally *tally = find_or_add(stake);
    if (tally == nullptr) {
        return tl::unexpected(no_room());
    }
    if (auto may = may_reserve(stake.party, *tally, images, usd, now_); !may) {
        return may;
    }
    tally->images.add(second_of(now_), images);
    tally->images_day.roll(now_.number(Period::day));
    tally->images_day.used += images;
    stake.reservations.push_back({now_, images});
    hold_money(stake, *tally, usd);
    quotas_.add_party(stake.party.limits, *tally, now_);
    return {};
}

void Turn::take_back_reserving(Stake &stake, int64_t images, MicroUsd usd) {
    if (Tally *tally = find(stake); tally != nullptr && is_limited(stake)) {
        give_back_images(*tally, stake, images);
        hold_money(stake, *tally, -usd);
    }
}

void Turn::settle(Stake &stake, int64_t images_used, MicroUsd spent) {
    const bool spends = spent > 0 && stake.party.kind == Party::Kind::key;
    Tally *tally = spends ? find_or_add(stake) : find(stake);
    end_lease_of(stake, tally);
    if (tally == nullptr) {
        return;
    }
    if (const int64_t unused = stake.images() - images_used; unused > 0) {
        give_back_images(*tally, stake, unused);
    }
    if (spends) {
        tally->spend(spent, now_);
    }
    quotas_.add_party(stake.party.limits, *tally, now_);
}

// The tally is null if it is forgotten.
void Turn::end_lease_of(Stake &stake, Tally *tally) {
    const auto lease = layout_.leases.give_back(std::exchange(stake.lease, {}));
    if (lease && tally != nullptr) {
        end_lease(*tally, *lease);
    }
}

void Turn::hold_money(const Stake &stake, Tally &tally, MicroUsd more) {
    if (stake.party.budgets.empty()) {
        return;
    }
    if (Lease *lease = layout_.leases.find(stake.lease)) {
        lease->amount += more;
        tally.reserved += more;
    }
}

// So that nothing is allocated under the lock.
void make_room_for_reservations(std::span<Stake> stakes) {
    for (Stake &stake : stakes) {
        if (is_limited(stake)) {
            stake.reservations.reserve(stake.reservations.size() + 1);
        }
    }
}

}  // namespace

size_t Ledger::least_size() {
    return Places::least_size(64);
}

bool Ledger::prepare(std::span<std::byte> region, bool fresh) {
    return region.size() >= least_size() && Places::prepare(region, fresh);
}

tl::expected<Quotas, Exceeded> Ledger::enter(std::span<Stake> stakes, Moment now, int32_t process,
                                             int64_t lease_milliseconds) {
    if (std::none_of(stakes.begin(), stakes.end(), is_limited)) {
        return {};
    }
    Turn turn(memory_, now, times_full_);
    for (auto stake = stakes.begin(); stake != stakes.end(); ++stake) {
        if (!is_limited(*stake)) {
            continue;
        }
        const auto entered = turn.enter(*stake, process, now.milliseconds + lease_milliseconds);
        if (!entered) {
            std::for_each(stakes.begin(), stake,
                          [&](Stake &before) { turn.take_back_entering(before); });
            return tl::unexpected(entered.error());
        }
    }
    return turn.quotas();
}

tl::expected<Quotas, Exceeded> Ledger::reserve(std::span<Stake> stakes, int64_t images,
                                               MicroUsd usd, Moment now) {
    if (std::none_of(stakes.begin(), stakes.end(), is_limited)) {
        return {};
    }
    make_room_for_reservations(stakes);
    Turn turn(memory_, now, times_full_);
    for (auto stake = stakes.begin(); stake != stakes.end(); ++stake) {
        if (!is_limited(*stake)) {
            continue;
        }
        if (const auto reserved = turn.reserve(*stake, images, usd); !reserved) {
            std::for_each(stakes.begin(), stake,
                          [&](Stake &before) { turn.take_back_reserving(before, images, usd); });
            return tl::unexpected(reserved.error());
        }
    }
    return turn.quotas();
}

Quotas Ledger::settle(std::span<Stake> stakes, int64_t images_used, MicroUsd spent,
                      Moment now) noexcept {
    if (spent == 0 && std::none_of(stakes.begin(), stakes.end(), is_limited)) {
        return {};
    }
    Turn turn(memory_, now, times_full_);
    for (Stake &stake : stakes) {
        turn.settle(stake, images_used, spent);
    }
    return turn.quotas();
}

size_t Ledger::sweep(Moment now, const std::function<bool(int32_t)> &is_alive,
                     const std::function<void(const Orphaned &)> &on_orphaned) {
    const Dated dated(now);
    std::vector<Orphaned> orphaned;
    size_t swept = 0;
    {
        const MemoryLock lock(memory_);
        Layout layout = layout_of(memory_.region());
        swept = layout.leases.sweep(now, is_alive, [&](const Lease &lease) {
            Tally *tally = layout.entries.find(lease.account);
            if (tally == nullptr) {
                return;
            }
            end_lease(*tally, lease);
            if (lease.amount > 0) {
                tally->spend(lease.amount, dated);
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
    const Dated dated(now);
    uint8_t place = 0;
    Turn turn(memory_, now, times_full_);
    if (Tally *tally = turn.find_or_add(party, place)) {
        tally->roll(dated);
        CalendarCount &count = tally->spent[static_cast<size_t>(period)];
        count.used += count.number == number ? usd : 0;
    }
}

void Ledger::restore_images(const Party &party, int64_t images, Moment now) {
    uint8_t place = 0;
    Turn turn(memory_, now, times_full_);
    if (Tally *tally = turn.find_or_add(party, place)) {
        tally->images_day.roll(number_of(Period::day, now.unix_seconds));
        tally->images_day.used += images;
    }
}

}  // namespace gateway
