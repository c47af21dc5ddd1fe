#include "core/limits/ledger_lock.h"

#include <algorithm>
#include <utility>

#include "core/limits/allowance.h"

namespace gateway {

namespace {

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

}  // namespace

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
    if (auto may = may_enter(share.party, *tally, now_); !may) {
        return may;
    }
    if (auto taken = take_leases(share, process, deadline); !taken) {
        return taken;
    }
    if (share.lease.number != 0) {
        ++tally->concurrent;
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
    }
    if (share.party.limits.concurrent > 0) {
        const auto lease = region_.take_lease(share.party.account, process, deadline);
        if (!lease) {
            ++times_full_;
            settle_money(share, 0);
            return tl::unexpected(no_room());
        }
        share.lease = *lease;
    }
    return {};
}

void LedgerLock::take_back_entering(PartyShare &share) {
    if (!share.party.is_limited()) {
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
    if (!share.party.is_limited()) {
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

}  // namespace gateway
