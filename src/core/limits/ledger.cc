#include "core/limits/ledger.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "core/limits/allowance.h"
#include "core/limits/counted.h"
#include "core/limits/memory_lock.h"
#include "core/limits/purse.h"
#include "core/limits/region.h"
#include "core/limits/set_table.h"
#include "core/limits/tally.h"

namespace gateway {

namespace {

// The number is the layout's version.
using TallyRegion = Region<Tally, 0x3576726465676c31, 8, 1>;

constexpr int32_t kRestored = -1;  // a note in a region; a process's number while it is at it

Exceeded no_room() {
    return {Exceeded::What::room, 60};
}

bool is_limited(const Stake &stake) {
    return stake.party.is_limited();
}

bool has_budget(const Stake &stake) {
    return !stake.party.budgets.empty();
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
// allocates, and each party's tally is looked for in all its places only once in a request. Each
// of a step's changes to a tally or a purse is complete, or was not begun, should the process be
// killed in it. What a step has done to some parties and not yet to others is undone, or what dead
// workers hold is taken back, with their leases.
class Turn {
 public:
    Turn(SharedMemory &memory, std::span<std::byte> purses, Moment now, size_t &times_full)
        : now_(now),
          lock_(memory),
          region_(memory.region()),
          purses_(purses),
          times_full_(times_full) {}

    tl::expected<void, Exceeded> enter(Stake &stake, int32_t process, int64_t deadline);
    void take_back_entering(Stake &stake);
    // The stake has room for one reservation more.
    tl::expected<void, Exceeded> reserve(Stake &stake, int64_t images, MicroUsd usd);
    void take_back_reserving(Stake &stake, int64_t images, MicroUsd usd);
    void settle(Stake &stake, int64_t images_used, MicroUsd spent);
    // What is left to those that a step has been done to.
    [[nodiscard]] const Quotas &quotas() const { return quotas_; }

    [[nodiscard]] bool is_restored() const { return region_.note() == kRestored; }
    // To be changed; null when there is no room.
    Tally *edit_or_add(const Party &party, uint8_t &place);

 private:
    [[nodiscard]] SetTable<Tally> tallies() const { return {region_.entries(), region_.id()}; }
    Tally *edit(Stake &stake);
    Tally *edit_or_add(Stake &stake) { return edit_or_add(stake.party, stake.place); }
    tl::expected<void, Exceeded> take_leases(Stake &stake, int32_t process, int64_t deadline);
    void end_lease(Stake &stake);
    tl::expected<void, Exceeded> hold_money(const Stake &stake, MicroUsd more);
    void settle_money(Stake &stake, MicroUsd spent);

    Dated now_;
    MemoryLock lock_;
    TallyRegion region_;
    Purses purses_;
    size_t &times_full_;
    Quotas quotas_;
};

Tally *Turn::edit_or_add(const Party &party, uint8_t &place) {
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

// Null if it is forgotten.
Tally *Turn::edit(Stake &stake) {
    Tally *tally = tallies().find(stake.party.account, stake.place);
    if (tally != nullptr) {
        region_.edit(*tally);
    }
    return tally;
}

tl::expected<void, Exceeded> Turn::enter(Stake &stake, int32_t process, int64_t deadline) {
    Tally *tally = edit_or_add(stake);
    if (tally == nullptr) {
        return tl::unexpected(no_room());
    }
    if (auto may = may_enter(stake.party, *tally, now_); !may) {
        return may;
    }
    if (auto taken = take_leases(stake, process, deadline); !taken) {
        return taken;
    }
    if (stake.lease.number != 0) {
        ++tally->concurrent;
    }
    tally->requests.add(second_of(now_), 1);
    quotas_.add_party(stake.party.limits, *tally, now_);
    region_.commit();
    return {};
}

tl::expected<void, Exceeded> Turn::take_leases(Stake &stake, int32_t process, int64_t deadline) {
    if (has_budget(stake)) {
        const Purse *purse = purses_.find_or_add(stake.party.account, stake.party.key);
        if (purse == nullptr) {
            ++times_full_;
            return tl::unexpected(no_room());
        }
        if (auto may = may_spend(stake.party, *purse, 0, now_); !may) {
            return may;
        }
        const auto hold = purses_.region().take_lease(stake.party.account, process, deadline);
        if (!hold) {
            ++times_full_;
            return tl::unexpected(no_room());
        }
        stake.hold = *hold;
        purses_.region().commit();
    }
    if (stake.party.limits.concurrent > 0) {
        const auto lease = region_.take_lease(stake.party.account, process, deadline);
        if (!lease) {
            ++times_full_;
            settle_money(stake, 0);
            return tl::unexpected(no_room());
        }
        stake.lease = *lease;
    }
    return {};
}

void Turn::take_back_entering(Stake &stake) {
    if (!is_limited(stake)) {
        return;
    }
    region_.commit();
    settle_money(stake, 0);
    if (Tally *tally = edit(stake)) {
        tally->requests.give_back(second_of(now_), 1);
    }
    end_lease(stake);
    region_.commit();
}

tl::expected<void, Exceeded> Turn::reserve(Stake &stake, int64_t images, MicroUsd usd) {
    Tally *tally = edit_or_add(stake);
    if (tally == nullptr) {
        return tl::unexpected(no_room());
    }
    if (auto may = may_make(stake.party, *tally, images, now_); !may) {
        return may;
    }
    if (auto held = hold_money(stake, usd); !held) {
        return held;
    }
    tally->images.add(second_of(now_), images);
    tally->images_day.add(now_.number(Period::day), images);
    stake.reservations.push_back({now_, images});
    quotas_.add_party(stake.party.limits, *tally, now_);
    region_.commit();
    return {};
}

void Turn::take_back_reserving(Stake &stake, int64_t images, MicroUsd usd) {
    if (!is_limited(stake)) {
        return;
    }
    region_.commit();
    (void)hold_money(stake, -usd);
    if (Tally *tally = edit(stake)) {
        give_back_images(*tally, stake, images);
    }
    region_.commit();
}

void Turn::settle(Stake &stake, int64_t images_used, MicroUsd spent) {
    settle_money(stake, spent);
    if (Tally *tally = edit(stake)) {
        if (const int64_t unused = stake.images() - images_used; unused > 0) {
            give_back_images(*tally, stake, unused);
        }
        quotas_.add_party(stake.party.limits, *tally, now_);
    }
    end_lease(stake);
    region_.commit();
}

void Turn::end_lease(Stake &stake) {
    if (!region_.give_back(std::exchange(stake.lease, {}))) {
        return;
    }
    if (Tally *tally = edit(stake)) {
        tally->concurrent = std::max(0, tally->concurrent - 1);
    }
}

// So much more, or less.
tl::expected<void, Exceeded> Turn::hold_money(const Stake &stake, MicroUsd more) {
    if (more == 0 || !has_budget(stake)) {
        return {};
    }
    Purse *purse = purses_.find(stake.party.account);
    if (purse == nullptr) {
        return {};
    }
    if (more > 0) {
        if (auto may = may_spend(stake.party, *purse, more, now_); !may) {
            return may;
        }
    }
    if (Lease *hold = purses_.region().edit_lease(stake.hold)) {
        purses_.region().edit(*purse);
        hold->amount += more;
        purse->reserved += more;
    }
    purses_.region().commit();
    return {};
}

// What was spent counts in the same change in which what was held for it is given back.
void Turn::settle_money(Stake &stake, MicroUsd spent) {
    const auto hold = purses_.region().give_back(std::exchange(stake.hold, {}));
    if (!hold && (spent == 0 || !stake.party.has_purse)) {
        return;
    }
    Purse *purse = purses_.find_or_add(stake.party.account, stake.party.key);
    if (purse == nullptr) {
        ++times_full_;
    } else {
        purses_.region().edit(*purse);
        purse->reserved -= hold ? std::min(purse->reserved, hold->amount) : 0;
        if (spent > 0) {
            purse->spend(spent, now_);
        }
    }
    purses_.region().commit();
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
    return TallyRegion::least_size(64);
}

bool Ledger::prepare(std::span<std::byte> region, bool fresh, uint64_t id) {
    return region.size() >= least_size() && TallyRegion::prepare(region, fresh, id);
}

bool Ledger::prepare_purses(std::span<std::byte> purses, bool fresh, uint64_t id) {
    return purses.size() >= PurseRegion::least_size(64) && PurseRegion::prepare(purses, fresh, id);
}

size_t Ledger::purses_in(size_t size) {
    return Purses::capacity(size);
}

tl::expected<Quotas, Exceeded> Ledger::enter(std::span<Stake> stakes, Moment now, int32_t process,
                                             int64_t lease_milliseconds) {
    if (std::none_of(stakes.begin(), stakes.end(), is_limited)) {
        return {};
    }
    Turn turn(memory_, purses_, now, times_full_);
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
    for (const Stake &stake : stakes) {
        if (const auto ever = may_ever_make(stake.party, images); !ever) {
            return tl::unexpected(ever.error());
        }
    }
    if (std::none_of(stakes.begin(), stakes.end(), is_limited)) {
        return {};
    }
    make_room_for_reservations(stakes);
    Turn turn(memory_, purses_, now, times_full_);
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
    const bool counts_money =
        spent > 0 && std::any_of(stakes.begin(), stakes.end(),
                                 [](const Stake &stake) { return stake.party.has_purse; });
    if (!counts_money && std::none_of(stakes.begin(), stakes.end(), is_limited)) {
        return {};
    }
    Turn turn(memory_, purses_, now, times_full_);
    for (Stake &stake : stakes) {
        turn.settle(stake, images_used, spent);
    }
    return turn.quotas();
}

size_t Ledger::sweep(Moment now, const std::function<bool(int32_t)> &is_alive,
                     const std::function<void(const Orphaned &)> &on_orphaned) {
    return sweep_concurrency(now, is_alive) + sweep_money(now, is_alive, on_orphaned);
}

size_t Ledger::sweep_concurrency(Moment now, const std::function<bool(int32_t)> &is_alive) {
    LeaseJudge judge(now, is_alive);
    size_t all = 0;
    uint32_t last = 0;
    for (size_t swept = kSweptAtOnce; swept == kSweptAtOnce; all += swept) {
        const MemoryLock lock(memory_);
        TallyRegion region(memory_.region());
        const SetTable<Tally> tallies(region.entries(), region.id());
        swept = region.sweep(judge, last, [&](const Lease &lease) {
            if (Tally *tally = tallies.find(lease.account)) {
                region.edit(*tally);
                tally->concurrent = std::max(0, tally->concurrent - 1);
            }
        });
    }
    return all;
}

size_t Ledger::sweep_money(Moment now, const std::function<bool(int32_t)> &is_alive,
                           const std::function<void(const Orphaned &)> &on_orphaned) {
    const Dated dated(now);
    LeaseJudge judge(now, is_alive);
    std::vector<Orphaned> orphaned(kSweptAtOnce);
    for (Orphaned &one : orphaned) {
        one.key.reserve(Purse::kLongestKey);
    }
    size_t all = 0;
    uint32_t last = 0;
    for (size_t swept = kSweptAtOnce; swept == kSweptAtOnce; all += swept) {
        size_t found = 0;
        {
            const MemoryLock lock(memory_);
            Purses purses(purses_);
            swept = purses.region().sweep(judge, last, [&](const Lease &lease) {
                Purse *purse = purses.find(lease.account);
                if (purse == nullptr || lease.amount <= 0) {
                    return;
                }
                purses.region().edit(*purse);
                purse->reserved -= std::min(purse->reserved, lease.amount);
                purse->spend(lease.amount, dated);
                Orphaned &one = orphaned[found++];
                one.key = purse->key_id();
                one.account = purse->account;
                one.usd = lease.amount;
            });
        }
        std::for_each_n(orphaned.begin(), found, on_orphaned);
    }
    return all;
}

Ledger::Restoring Ledger::begin_restoring(int32_t process,
                                          const std::function<bool(int32_t)> &is_alive) {
    const MemoryLock lock(memory_);
    const TallyRegion region(memory_.region());
    const PurseRegion purses(purses_);
    if (region.note() == kRestored && purses.note() == kRestored) {
        return Restoring::done;
    }
    const auto is_at_it = [&](int32_t note) {
        return note != 0 && note != kRestored && note != process && is_alive(note);
    };
    if (is_at_it(region.note()) || is_at_it(purses.note())) {
        return Restoring::others;
    }
    for (int32_t *note : {&region.note(), &purses.note()}) {
        *note = *note == kRestored ? kRestored : process;
    }
    return Restoring::ours;
}

void Ledger::end_restoring() {
    const MemoryLock lock(memory_);
    TallyRegion(memory_.region()).note() = kRestored;
    PurseRegion(purses_).note() = kRestored;
}

void Ledger::give_up_restoring() {
    const MemoryLock lock(memory_);
    const TallyRegion region(memory_.region());
    const PurseRegion purses(purses_);
    for (int32_t *note : {&region.note(), &purses.note()}) {
        *note = *note == kRestored ? kRestored : 0;
    }
}

bool Ledger::restore_spent(const Account &account, std::string_view key, Period period,
                           int64_t number, MicroUsd usd) {
    const MemoryLock lock(memory_);
    Purses purses(purses_);
    Purse *purse = purses.find_or_add(account, key);
    if (purse == nullptr) {
        return false;
    }
    purses.region().edit(*purse);
    CalendarCount &before = purse->before[static_cast<size_t>(period)];
    // A file that has lost something since must not give it back.
    if (number > before.number) {
        before = {number, usd};
    } else if (number == before.number) {
        before.used = std::max(before.used, usd);
    }
    return true;
}

void Ledger::restore_images(const Party &party, int64_t images, Moment now) {
    uint8_t place = 0;
    Turn turn(memory_, purses_, now, times_full_);
    if (turn.is_restored()) {
        return;  // what the file has was counted here
    }
    if (Tally *tally = turn.edit_or_add(party, place)) {
        tally->images_before = {number_of(Period::day, now.unix_seconds), images};
    }
}

std::vector<Counted> counted_in(SharedMemory &memory, std::span<std::byte> purses) {
    constexpr size_t kAtOnce = 256;
    std::vector<Counted> all;
    std::map<Account, std::string> keys;  // whose accounts these are
    const auto copy_all = [&]<typename Entry>(auto entries_of, std::vector<Entry> some,
                                              auto describe) {
        for (size_t begin = 0, count = kAtOnce; count == kAtOnce; begin += count) {
            {
                const MemoryLock lock(memory);
                const std::span<Entry> entries = entries_of();
                count = std::min(kAtOnce, entries.size() - std::min(begin, entries.size()));
                std::copy_n(entries.begin() + static_cast<std::ptrdiff_t>(begin), count,
                            some.begin());
            }
            for (const Entry &entry : std::span(some).first(count)) {
                if (entry.account != Account{}) {
                    all.emplace_back().account = entry.account;
                    describe(all.back(), entry);
                }
            }
        }
    };
    copy_all([&] { return PurseRegion(purses).entries(); }, std::vector<Purse>(kAtOnce),
             [&](Counted &one, const Purse &purse) {
                 one.key = keys[purse.account] = purse.key_id();
                 std::copy_n(purse.spent, kPeriods, one.spent.begin());
                 std::copy_n(purse.before, kPeriods, one.spent_before.begin());
             });
    copy_all([&] { return TallyRegion(memory.region()).entries(); }, std::vector<Tally>(kAtOnce),
             [&](Counted &one, const Tally &tally) {
                 const auto key = keys.find(tally.owner);
                 one.key = key == keys.end() ? std::string() : key->second;
                 one.kind = static_cast<Party::Kind>(tally.kind);
                 one.images_day = tally.images_day;
                 one.images_before = tally.images_before;
             });
    return all;
}

uint64_t Ledger::purses_id() {
    const MemoryLock lock(memory_);
    return PurseRegion(purses_).id();
}

std::vector<PurseSums> Ledger::sums_of(std::span<const Account> keys) {
    std::vector<PurseSums> sums(keys.size());
    for (PurseSums &one : sums) {
        one.key.reserve(Purse::kLongestKey);
    }
    const MemoryLock lock(memory_);
    const Purses purses(purses_);
    for (size_t i = 0; i < keys.size(); ++i) {
        sums[i].account = keys[i];
        if (const Purse *purse = purses.find(keys[i])) {
            sums[i].key = purse->key_id();
            std::copy_n(purse->spent, kPeriods, sums[i].spent);
        }
    }
    return sums;
}

void Ledger::note_written(std::span<const PurseSums> sums) {
    const MemoryLock lock(memory_);
    const Purses purses(purses_);
    for (const PurseSums &one : sums) {
        if (Purse *purse = purses.find(one.account)) {
            purse->written =
                std::max(purse->written, one.spent[static_cast<size_t>(Period::lifetime)].used);
        }
    }
}

// Purses are never taken away, and the first that was ever written stays early in the list.
bool Ledger::has_written() {
    constexpr size_t kAtOnce = 512;
    for (size_t begin = 0, count = kAtOnce; count == kAtOnce; begin += count) {
        const MemoryLock lock(memory_);
        const Purses purses(purses_);
        count = std::min(kAtOnce, purses.size() - std::min(begin, purses.size()));
        for (size_t i = begin; i < begin + count; ++i) {
            if (purses.at(i).written > 0) {
                return true;
            }
        }
    }
    return false;
}

std::vector<Account> Ledger::unwritten() {
    constexpr size_t kAtOnce = 512;
    std::vector<Account> found;
    for (size_t begin = 0, count = kAtOnce; count == kAtOnce; begin += count) {
        found.reserve(found.size() + kAtOnce);
        const MemoryLock lock(memory_);
        const Purses purses(purses_);
        count = std::min(kAtOnce, purses.size() - std::min(begin, purses.size()));
        for (size_t i = begin; i < begin + count; ++i) {
            const Purse &purse = purses.at(i);
            if (purse.account != Account{} && purse.in_all() != purse.written) {
                found.push_back(purse.account);
            }
        }
    }
    return found;
}

}  // namespace gateway
