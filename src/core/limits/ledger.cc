#include "core/limits/ledger.h"

#include <algorithm>
#include <utility>

#include "core/limits/allowance.h"
#include "core/limits/budget_record.h"
#include "core/limits/memory_lock.h"
#include "core/limits/tally_region.h"

namespace gateway {

namespace {

bool is_limited(const PartyShare &share) {
    return share.party.is_limited();
}

Exceeded no_room() {
    return {Exceeded::What::room, 60};
}

bool has_budget(const PartyShare &share) {
    return !share.party.budgets.empty();
}

void give_back_images(Tally &tally, PartyShare &share, int64_t count) {
    // The latest reservations first: what was used belongs to the earliest ones.
    for (auto last = share.reservations.rbegin(); last != share.reservations.rend(); ++last) {
        const int64_t back = std::min(count, last->images);
        tally.images.give_back(second_of(last->at), back);
        if (tally.images_day.number == number_of(Period::day, last->at.unix_seconds)) {
            tally.images_day.used = std::max<int64_t>(0, tally.images_day.used - back);
        }
        last->images -= back;
        count -= back;
    }
}

// Holds the ledger's lock for one step of a request, and does that step for each party. Other
// workers wait for the lock: nothing here allocates, and a party's tally is searched in all its
// places only once in a request. Each change of a tally or a budget record is complete or was not
// begun, if the process is killed in it. What a killed step did for some of the parties is taken
// back with the dead worker's leases.
class LedgerLock {
 public:
    LedgerLock(SharedMemory &memory, std::span<std::byte> budgets, Moment now, size_t &times_full)
        : now_(now),
          lock_(memory),
          region_(memory.region()),
          budgets_(budgets),
          times_full_(times_full) {}

    tl::expected<void, Exceeded> enter(PartyShare &share, int32_t process, int64_t deadline);
    void take_back_entering(PartyShare &share);
    void step_back(PartyShare &share);
    tl::expected<void, Exceeded> admit(PartyShare &share, int32_t process, int64_t deadline);
    // The caller has made room for one reservation more.
    tl::expected<void, Exceeded> reserve(PartyShare &share, int64_t images, MicroUsd usd);
    void take_back_reserving(PartyShare &share, int64_t images, MicroUsd usd);
    void settle(PartyShare &share, int64_t images_used, MicroUsd spent);
    // What is left to the parties for which a step was done.
    [[nodiscard]] const Quotas &quotas() const { return quotas_; }

    // To be changed; null when there is no room.
    Tally *edit_or_add(const Party &party, uint8_t &place);
    [[nodiscard]] bool is_restored() const { return region_.note() == kRestored; }

 private:
    [[nodiscard]] SetTable<Tally> tallies() const { return tallies_of(region_); }
    Tally *edit(PartyShare &share);
    Tally *edit_or_add(PartyShare &share) { return edit_or_add(share.party, share.place); }
    tl::expected<void, Exceeded> take_leases(PartyShare &share, int32_t process, int64_t deadline);
    tl::expected<void, Exceeded> take_place(PartyShare &share, Tally &tally, int32_t process,
                                            int64_t deadline);
    void mark_hold(const PartyShare &share, Lease::Heir heir);
    void end_lease(PartyShare &share);
    tl::expected<void, Exceeded> hold_money(const PartyShare &share, MicroUsd more);
    void settle_money(PartyShare &share, MicroUsd spent);

    Dated now_;
    MemoryLock lock_;
    TallyRegion region_;
    BudgetTable budgets_;
    size_t &times_full_;
    Quotas quotas_;
};

Tally *LedgerLock::edit_or_add(const Party &party, uint8_t &place) {
    Tally *tally = tallies().find(party.account, place);
    if (tally != nullptr) {
        region_.edit(*tally);
        return tally;
    }
    bool made_room = false;
    const std::span<Tally> places = tallies().places_of(party.account);
    tally = place_for(party, places, now_, made_room);
    times_full_ += tally == nullptr || made_room ? 1 : 0;
    if (tally == nullptr) {
        return nullptr;
    }
    region_.edit(*tally);
    *tally = Tally{};
    tally->account = party.account;
    tally->owner = party.owner;
    tally->kind = static_cast<uint8_t>(party.kind);
    place = static_cast<uint8_t>(tally - places.data());
    return tally;
}

// Null if the tally was displaced meanwhile.
Tally *LedgerLock::edit(PartyShare &share) {
    Tally *tally = tallies().find(share.party.account, share.place);
    if (tally != nullptr) {
        region_.edit(*tally);
    }
    return tally;
}

tl::expected<void, Exceeded> LedgerLock::enter(PartyShare &share, int32_t process,
                                               int64_t deadline) {
    Tally *tally = edit_or_add(share);
    if (tally == nullptr) {
        return tl::unexpected(no_room());
    }
    auto may =
        share.waits ? may_wait(share.party, *tally, now_) : may_enter(share.party, *tally, now_);
    if (!may) {
        return may;
    }
    if (auto taken = take_leases(share, process, deadline); !taken) {
        return taken;
    }
    if (auto taken = take_place(share, *tally, process, deadline); !taken) {
        settle_money(share, 0);
        return taken;
    }
    tally->requests.add(second_of(now_), 1);
    quotas_.add_party(share.party.limits, *tally, now_);
    region_.commit();
    return {};
}

tl::expected<void, Exceeded> LedgerLock::take_leases(PartyShare &share, int32_t process,
                                                     int64_t deadline) {
    if (has_budget(share)) {
        const BudgetRecord *record = budgets_.find_or_add(share.party.account, share.party.key);
        if (record == nullptr) {
            ++times_full_;
            return tl::unexpected(no_room());
        }
        if (auto may = may_spend(share.party, *record, 0, now_); !may) {
            return may;
        }
        const auto hold = budgets_.region().take_lease(share.party.account, process, deadline);
        if (!hold) {
            ++times_full_;
            return tl::unexpected(no_room());
        }
        share.hold = *hold;
        budgets_.region().commit();
        if (share.waits) {
            mark_hold(share, Lease::Heir::unspent);
        }
    }
    return {};
}

tl::expected<void, Exceeded> LedgerLock::take_place(PartyShare &share, Tally &tally,
                                                    int32_t process, int64_t deadline) {
    if (share.waits || share.party.limits.concurrent == 0) {
        return {};
    }
    const auto lease = region_.take_lease(share.party.account, process, deadline);
    if (!lease) {
        ++times_full_;
        return tl::unexpected(no_room());
    }
    share.lease = *lease;
    ++tally.concurrent;
    return {};
}

void LedgerLock::mark_hold(const PartyShare &share, Lease::Heir heir) {
    if (Lease *hold = budgets_.region().edit_lease(share.hold)) {
        hold->heir = heir;
    }
    budgets_.region().commit();
}

void LedgerLock::step_back(PartyShare &share) {
    share.waits = true;
    mark_hold(share, Lease::Heir::unspent);
    end_lease(share);
    region_.commit();
}

tl::expected<void, Exceeded> LedgerLock::admit(PartyShare &share, int32_t process,
                                               int64_t deadline) {
    share.waits = false;
    Tally *tally = share.party.limits.concurrent == 0 ? nullptr : edit_or_add(share);
    if (tally == nullptr && share.party.limits.concurrent > 0) {
        return tl::unexpected(no_room());
    }
    if (tally != nullptr) {
        if (auto may = may_begin(share.party, *tally, now_); !may) {
            return may;
        }
        if (auto taken = take_place(share, *tally, process, deadline); !taken) {
            return taken;
        }
        region_.commit();
    }
    mark_hold(share, Lease::Heir::none);
    return {};
}

void LedgerLock::take_back_entering(PartyShare &share) {
    if (!is_limited(share)) {
        return;
    }
    region_.commit();
    settle_money(share, 0);
    if (Tally *tally = edit(share)) {
        tally->requests.give_back(second_of(now_), 1);
    }
    end_lease(share);
    region_.commit();
}

tl::expected<void, Exceeded> LedgerLock::reserve(PartyShare &share, int64_t images, MicroUsd usd) {
    Tally *tally = edit_or_add(share);
    if (tally == nullptr) {
        return tl::unexpected(no_room());
    }
    if (auto may = may_make(share.party, *tally, images, now_); !may) {
        return may;
    }
    if (auto held = hold_money(share, usd); !held) {
        return held;
    }
    tally->images.add(second_of(now_), images);
    tally->images_day.add(now_.number(Period::day), images);
    share.reservations.push_back({now_, images});
    quotas_.add_party(share.party.limits, *tally, now_);
    region_.commit();
    return {};
}

void LedgerLock::take_back_reserving(PartyShare &share, int64_t images, MicroUsd usd) {
    if (!is_limited(share)) {
        return;
    }
    region_.commit();
    (void)hold_money(share, -usd);
    if (Tally *tally = edit(share)) {
        give_back_images(*tally, share, images);
    }
    region_.commit();
}

void LedgerLock::settle(PartyShare &share, int64_t images_used, MicroUsd spent) {
    settle_money(share, spent);
    if (Tally *tally = edit(share)) {
        if (const int64_t unused = share.images() - images_used; unused > 0) {
            give_back_images(*tally, share, unused);
        }
        quotas_.add_party(share.party.limits, *tally, now_);
    }
    end_lease(share);
    region_.commit();
}

void LedgerLock::end_lease(PartyShare &share) {
    if (!region_.give_back(std::exchange(share.lease, {}))) {
        return;
    }
    if (Tally *tally = edit(share)) {
        tally->concurrent = std::max(0, tally->concurrent - 1);
    }
}

// Holds more money, or less with a negative amount.
tl::expected<void, Exceeded> LedgerLock::hold_money(const PartyShare &share, MicroUsd more) {
    if (more == 0 || !has_budget(share)) {
        return {};
    }
    BudgetRecord *record = budgets_.find(share.party.account);
    if (record == nullptr) {
        return {};
    }
    if (more > 0) {
        if (auto may = may_spend(share.party, *record, more, now_); !may) {
            return may;
        }
    }
    if (Lease *hold = budgets_.region().edit_lease(share.hold)) {
        budgets_.region().edit(*record);
        hold->amount += more;
        record->reserved += more;
    }
    budgets_.region().commit();
    return {};
}

// One change counts what was spent and gives back what was held for it.
void LedgerLock::settle_money(PartyShare &share, MicroUsd spent) {
    const auto hold = budgets_.region().give_back(std::exchange(share.hold, {}));
    if (!hold && (spent == 0 || !share.party.has_budget_record)) {
        return;
    }
    BudgetRecord *record = budgets_.find_or_add(share.party.account, share.party.key);
    if (record == nullptr) {
        ++times_full_;
    } else {
        budgets_.region().edit(*record);
        record->reserved -= hold ? std::min(record->reserved, hold->amount) : 0;
        if (spent > 0) {
            record->spend(spent, now_);
        }
    }
    budgets_.region().commit();
}

// Before the lock is taken: nothing is allocated while it is held.
void make_room_for_reservations(std::span<PartyShare> shares) {
    for (PartyShare &share : shares) {
        if (is_limited(share)) {
            share.reservations.reserve(share.reservations.size() + 1);
        }
    }
}

}  // namespace

size_t Ledger::min_size() {
    return TallyRegion::min_size(64);
}

bool Ledger::prepare(std::span<std::byte> region, bool fresh, uint64_t id) {
    return region.size() >= min_size() && TallyRegion::prepare(region, fresh, id);
}

bool Ledger::prepare_budgets(std::span<std::byte> budgets, bool fresh, uint64_t id) {
    return budgets.size() >= BudgetRegion::min_size(64) &&
           BudgetRegion::prepare(budgets, fresh, id);
}

size_t Ledger::max_budget_records(size_t size) {
    return BudgetTable::capacity(size);
}

tl::expected<Quotas, Exceeded> Ledger::enter(std::span<PartyShare> shares, Moment now,
                                             int32_t process, int64_t lease_milliseconds) {
    if (std::none_of(shares.begin(), shares.end(), is_limited)) {
        return {};
    }
    LedgerLock locked(memory_, budget_memory_, now, times_full_);
    for (auto share = shares.begin(); share != shares.end(); ++share) {
        if (!is_limited(*share)) {
            continue;
        }
        const auto entered = locked.enter(*share, process, now.milliseconds + lease_milliseconds);
        if (!entered) {
            std::for_each(shares.begin(), share,
                          [&](PartyShare &before) { locked.take_back_entering(before); });
            return tl::unexpected(entered.error());
        }
    }
    return locked.quotas();
}

tl::expected<Quotas, Exceeded> Ledger::reserve(std::span<PartyShare> shares, int64_t images,
                                               MicroUsd usd, Moment now) {
    for (const PartyShare &share : shares) {
        if (const auto ever = may_ever_make(share.party, images); !ever) {
            return tl::unexpected(ever.error());
        }
    }
    if (std::none_of(shares.begin(), shares.end(), is_limited)) {
        return {};
    }
    make_room_for_reservations(shares);
    LedgerLock locked(memory_, budget_memory_, now, times_full_);
    for (auto share = shares.begin(); share != shares.end(); ++share) {
        if (!is_limited(*share)) {
            continue;
        }
        if (const auto reserved = locked.reserve(*share, images, usd); !reserved) {
            std::for_each(shares.begin(), share, [&](PartyShare &before) {
                locked.take_back_reserving(before, images, usd);
            });
            return tl::unexpected(reserved.error());
        }
    }
    return locked.quotas();
}

Quotas Ledger::settle(std::span<PartyShare> shares, int64_t images_used, MicroUsd spent,
                      Moment now) noexcept {
    const bool counts_money =
        spent > 0 && std::any_of(shares.begin(), shares.end(), [](const PartyShare &share) {
            return share.party.has_budget_record;
        });
    if (!counts_money && std::none_of(shares.begin(), shares.end(), is_limited)) {
        return {};
    }
    LedgerLock locked(memory_, budget_memory_, now, times_full_);
    for (PartyShare &share : shares) {
        locked.settle(share, images_used, spent);
    }
    return locked.quotas();
}

void Ledger::step_back(std::span<PartyShare> shares, Moment now) noexcept {
    LedgerLock locked(memory_, budget_memory_, now, times_full_);
    for (PartyShare &share : shares) {
        locked.step_back(share);
    }
}

tl::expected<void, Exceeded> Ledger::admit(std::span<PartyShare> shares, Moment now,
                                           int32_t process, int64_t lease_milliseconds) {
    LedgerLock locked(memory_, budget_memory_, now, times_full_);
    for (auto share = shares.begin(); share != shares.end(); ++share) {
        const auto admitted = locked.admit(*share, process, now.milliseconds + lease_milliseconds);
        if (!admitted) {
            std::for_each(shares.begin(), share + 1,
                          [&](PartyShare &before) { locked.step_back(before); });
            return tl::unexpected(admitted.error());
        }
    }
    return {};
}

void Ledger::take_back_entering(std::span<PartyShare> shares, Moment then) noexcept {
    if (std::none_of(shares.begin(), shares.end(), is_limited)) {
        return;
    }
    LedgerLock locked(memory_, budget_memory_, then, times_full_);
    for (PartyShare &share : shares) {
        locked.take_back_entering(share);
    }
}

void Ledger::take_back_reserving(std::span<PartyShare> shares, int64_t images, MicroUsd usd,
                                 Moment now) noexcept {
    if (std::none_of(shares.begin(), shares.end(), is_limited)) {
        return;
    }
    LedgerLock locked(memory_, budget_memory_, now, times_full_);
    for (PartyShare &share : shares) {
        locked.take_back_reserving(share, images, usd);
    }
}

void Ledger::restore_images(const Party &party, int64_t images, Moment now) {
    uint8_t place = 0;
    LedgerLock locked(memory_, budget_memory_, now, times_full_);
    if (locked.is_restored()) {
        return;  // what is in the file was counted in this memory
    }
    if (Tally *tally = locked.edit_or_add(party, place)) {
        tally->images_before = {number_of(Period::day, now.unix_seconds), images};
    }
}

}  // namespace gateway
