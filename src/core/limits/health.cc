#include "core/limits/health.h"

#include <algorithm>
#include <array>

#include "core/limits/memory_lock.h"
#include "core/limits/region.h"
#include "core/limits/set_table.h"

namespace gateway {

namespace {

constexpr int64_t kFirstRest = 1'000;
constexpr int64_t kLongestRest = 60'000;
// How soon a refused call may try again.
constexpr Milliseconds kBusyWait{100};
constexpr Milliseconds kFullWait{1'000};

// One entry for a provider, a model, a key, or a key for a model. Each kind uses some members.
struct HealthEntry {
    Account account{};  // all zero: free
    Breaker breaker;
    BreakerRules rules;  // as of its last use, to tell whether it may be replaced
    int64_t rests_until = 0;
    int64_t rests = 0;  // in a row
    int64_t calls = 0;
};

// The number is the layout's version. One change is of a provider and one of its models.
using HealthPlaces = Region<HealthEntry, 0x326874686c616568, 2, 2>;

SetTable<HealthEntry> entries_of(const HealthPlaces &places) {
    return {places.entries(), places.id()};
}

bool is_like_new(const HealthEntry &entry, int64_t now) {
    // Consecutive rests are forgotten when none has come for a while.
    return entry.calls == 0 && entry.rests_until + kLongestRest < now &&
           entry.breaker.is_like_new(entry.rules, now);
}

// To be changed; null if there is none.
HealthEntry *edit(HealthPlaces &places, const Account &account) {
    HealthEntry *entry = entries_of(places).find(account);
    if (entry != nullptr) {
        places.edit(*entry);
    }
    return entry;
}

// The same; null when there is no room for it.
HealthEntry *edit_or_add(HealthPlaces &places, const Account &account, Moment now) {
    if (HealthEntry *entry = edit(places, account)) {
        return entry;
    }
    HealthEntry *room = entries_of(places).room_for(
        account, [=](const HealthEntry &other) { return is_like_new(other, now.milliseconds); });
    if (room != nullptr) {
        places.edit(*room);
        *room = HealthEntry{};
        room->account = account;
    }
    return room;
}

void end_call(HealthPlaces &places, const Account &provider) {
    if (HealthEntry *entry = edit(places, provider); entry != nullptr && entry->calls > 0) {
        --entry->calls;
    }
}

}  // namespace

std::string_view name_of(Hindrance hindrance) {
    static constexpr std::array<std::string_view, 5> kNames = {"breaker_open", "keys_resting",
                                                               "busy", "model_limit", "memory"};
    return kNames[static_cast<size_t>(hindrance)];
}

size_t Health::min_size() {
    return HealthPlaces::min_size(16);
}

bool Health::prepare(std::span<std::byte> region, bool fresh, uint64_t id) {
    return region.size() >= min_size() && HealthPlaces::prepare(region, fresh, id);
}

// A provider with a limit gets no calls that cannot be counted.
tl::expected<CallTicket, Hindered> Health::enter(const Target &target, Moment now,
                                                 Milliseconds longest) {
    const MemoryLock lock(memory_);
    HealthPlaces places(memory_.region());
    const bool is_counted = target.max_calls > 0;
    // First the look-up that may replace an entry: the second one must stay valid.
    HealthEntry *provider = is_counted ? edit_or_add(places, target.provider, now) : nullptr;
    HealthEntry *model = edit(places, target.model);
    if (provider != nullptr && provider->calls >= target.max_calls) {
        return tl::unexpected(Hindered{Hindrance::busy, kBusyWait});
    }
    const auto lease = provider == nullptr ? std::nullopt
                                           : places.take_lease(target.provider, process_,
                                                               now.milliseconds + longest.count());
    if (is_counted && !lease) {
        ++times_full_;
        return tl::unexpected(Hindered{Hindrance::busy, kFullWait});
    }
    CallTicket ticket;
    ticket.call = lease.value_or(LeaseHandle());
    if (model != nullptr) {
        const auto pass = model->breaker.enter(target.breaker, now.milliseconds, longest.count());
        if (!pass) {
            places.give_back(ticket.call);
            // How long the probe takes is not known; the time until its limit would be too long.
            const Milliseconds wait(model->breaker.wait(now.milliseconds));
            return tl::unexpected(
                Hindered{Hindrance::breaker_open, std::min(wait, target.breaker.open)});
        }
        ticket.pass = *pass;
    }
    if (lease) {
        ++provider->calls;
    }
    return ticket;
}

void Health::leave(const Target &target, const CallTicket &ticket, Verdict verdict,
                   Moment now) noexcept {
    const MemoryLock lock(memory_);
    HealthPlaces places(memory_.region());
    if (const auto call = places.give_back(ticket.call)) {
        end_call(places, call->account);
    }
    // A call without a verdict adds no entry: callers may send any model name.
    HealthEntry *model = verdict != Verdict::nothing && !target.breaker.off()
                             ? edit_or_add(places, target.model, now)
                             : edit(places, target.model);
    if (model != nullptr) {
        model->rules = target.breaker;
        model->breaker.leave(target.breaker, now.milliseconds, ticket.pass, verdict);
    }
}

int64_t Health::calls_of(const Account &provider) const {
    const MemoryLock lock(memory_);
    const HealthPlaces places(memory_.region());
    const HealthEntry *entry = entries_of(places).find(provider);
    return entry == nullptr ? 0 : entry->calls;
}

void Health::read_rests(std::span<const Account> names, std::span<int64_t> waits,
                        Moment now) const {
    const MemoryLock lock(memory_);
    const HealthPlaces places(memory_.region());
    for (size_t i = 0; i < names.size(); ++i) {
        const HealthEntry *entry = entries_of(places).find(names[i]);
        waits[i] =
            entry == nullptr ? 0 : std::max<int64_t>(0, entry->rests_until - now.milliseconds);
    }
}

void Health::read_breakers(std::span<const Account> models, std::span<BreakerView> views,
                           Moment now) const {
    const MemoryLock lock(memory_);
    const HealthPlaces places(memory_.region());
    for (size_t i = 0; i < models.size(); ++i) {
        const HealthEntry *entry = entries_of(places).find(models[i]);
        views[i] = {};
        if (entry != nullptr) {
            views[i] = {entry->breaker.is_open(), entry->breaker.is_half_open(now.milliseconds),
                        entry->breaker.wait(now.milliseconds)};
        }
    }
}

void Health::rest(const Account &name, std::optional<Milliseconds> time, Moment now) noexcept {
    const MemoryLock lock(memory_);
    HealthPlaces places(memory_.region());
    HealthEntry *entry = edit_or_add(places, name, now);
    if (entry == nullptr) {
        return;
    }
    // Several calls that ran at the same time report the same condition.
    const bool rests_already = entry->rests_until > now.milliseconds;
    if (rests_already && !time) {
        return;
    }
    if (!rests_already) {
        const bool long_ago = entry->rests_until + kLongestRest < now.milliseconds;
        entry->rests = long_ago ? 1 : entry->rests + 1;
    }
    const int64_t doublings = std::clamp<int64_t>(entry->rests - 1, 0, 6);
    const int64_t wait = time ? time->count() : std::min(kLongestRest, kFirstRest << doublings);
    entry->rests_until = std::max(entry->rests_until, now.milliseconds + wait);
}

void Health::serve(std::span<const Account> names) noexcept {
    const MemoryLock lock(memory_);
    const HealthPlaces places(memory_.region());
    for (const Account &name : names) {
        if (HealthEntry *entry = entries_of(places).find(name); entry != nullptr) {
            entry->rests = 0;
        }
    }
}

size_t Health::sweep(Moment now, const std::function<bool(int32_t)> &is_alive) {
    LeaseJudge judge(now, is_alive);
    return sweep_all<HealthPlaces>(
        memory_, memory_.region(), judge,
        [](HealthPlaces &places, const Lease &call) { end_call(places, call.account); });
}

}  // namespace gateway
