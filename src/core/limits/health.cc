#include "core/limits/health.h"

#include <algorithm>
#include <array>

#include "core/limits/memory_lock.h"
#include "core/limits/region.h"

namespace gateway {

namespace {

constexpr int64_t kFirstRest = 1'000;
constexpr int64_t kLongestRest = 60'000;
// Room for a call is looked for again this soon.
constexpr Milliseconds kBusyWait{100};
constexpr Milliseconds kFullWait{1'000};

// A provider, a model of one, a key, or a key for a model: each uses its part.
struct HealthEntry {
    Account account{};  // all zero: free
    Breaker breaker;
    BreakerRules rules;  // when they were used last, for who looks for room
    int64_t rests_until = 0;
    int64_t rests = 0;  // in a row
    int64_t calls = 0;
};

// The number is the layout's version.
using HealthPlaces = Region<HealthEntry, 0x316874686c616568, 2>;
using HealthLayout = HealthPlaces::Layout;

HealthLayout health_layout_of(std::span<std::byte> region) {
    return HealthPlaces::layout(region);
}

bool is_like_new(const HealthEntry &entry, int64_t now) {
    // A row of rests is forgotten when none has come for a while.
    return entry.calls == 0 && entry.rests_until + kLongestRest < now &&
           entry.breaker.is_like_new(entry.rules, now);
}

HealthEntry *find_or_add(const HealthLayout &layout, const Account &account, Moment now) {
    return layout.entries.find_or_add(
        account, [=](const HealthEntry &other) { return is_like_new(other, now.milliseconds); });
}

void end_call(const HealthLayout &layout, const Account &provider) {
    if (HealthEntry *entry = layout.entries.find(provider); entry != nullptr && entry->calls > 0) {
        --entry->calls;
    }
}

}  // namespace

std::string_view name_of(Hindrance hindrance) {
    static constexpr std::array<std::string_view, 5> kNames = {"breaker_open", "keys_resting",
                                                               "busy", "model_limit", "memory"};
    return kNames[static_cast<size_t>(hindrance)];
}

size_t Health::least_size() {
    return HealthPlaces::least_size(16);
}

bool Health::prepare(std::span<std::byte> region, bool fresh) {
    return region.size() >= least_size() && HealthPlaces::prepare(region, fresh);
}

// A provider with a limit is not asked by calls that nobody could count.
tl::expected<Passage, Hindered> Health::enter(const Target &target, Moment now,
                                              Milliseconds longest) {
    const MemoryLock lock(memory_);
    HealthLayout layout = health_layout_of(memory_.region());
    const bool is_counted = target.max_calls > 0;
    HealthEntry *model = layout.entries.find(target.model);
    HealthEntry *provider = is_counted ? find_or_add(layout, target.provider, now) : nullptr;
    if (provider != nullptr && provider->calls >= target.max_calls) {
        return tl::unexpected(Hindered{Hindrance::busy, kBusyWait});
    }
    const auto lease = provider == nullptr ? std::nullopt
                                           : layout.leases.take(target.provider, process_,
                                                                now.milliseconds + longest.count());
    if (is_counted && !lease) {
        ++times_full_;
        return tl::unexpected(Hindered{Hindrance::busy, kFullWait});
    }
    Passage passage;
    passage.call = lease.value_or(LeaseHandle());
    if (model != nullptr) {
        const auto pass = model->breaker.enter(target.breaker, now.milliseconds, longest.count());
        if (!pass) {
            layout.leases.give_back(passage.call);
            // How long a probe takes is not known: its limit says too much.
            const Milliseconds wait(model->breaker.wait(now.milliseconds));
            return tl::unexpected(
                Hindered{Hindrance::breaker_open, std::min(wait, target.breaker.open)});
        }
        passage.pass = *pass;
    }
    if (lease) {
        ++provider->calls;
    }
    return passage;
}

void Health::leave(const Target &target, const Passage &passage, Verdict verdict,
                   Moment now) noexcept {
    const MemoryLock lock(memory_);
    HealthLayout layout = health_layout_of(memory_.region());
    if (const auto call = layout.leases.give_back(passage.call)) {
        end_call(layout, call->account);
    }
    // A model is not remembered for a call that says nothing: callers may ask for any name.
    HealthEntry *model = verdict != Verdict::nothing && !target.breaker.off()
                             ? find_or_add(layout, target.model, now)
                             : layout.entries.find(target.model);
    if (model != nullptr) {
        model->rules = target.breaker;
        model->breaker.leave(target.breaker, now.milliseconds, passage.pass, verdict);
    }
}

void Health::read_rests(std::span<const Account> names, std::span<int64_t> waits,
                        Moment now) const {
    const MemoryLock lock(memory_);
    const HealthLayout layout = health_layout_of(memory_.region());
    for (size_t i = 0; i < names.size(); ++i) {
        const HealthEntry *entry = layout.entries.find(names[i]);
        waits[i] =
            entry == nullptr ? 0 : std::max<int64_t>(0, entry->rests_until - now.milliseconds);
    }
}

void Health::rest(const Account &name, std::optional<Milliseconds> time, Moment now) noexcept {
    const MemoryLock lock(memory_);
    HealthEntry *entry = find_or_add(health_layout_of(memory_.region()), name, now);
    if (entry == nullptr) {
        return;
    }
    // Of several calls that were under way together each comes back with the same news.
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
    const HealthLayout layout = health_layout_of(memory_.region());
    for (const Account &name : names) {
        if (HealthEntry *entry = layout.entries.find(name); entry != nullptr) {
            entry->rests = 0;
        }
    }
}

size_t Health::sweep(Moment now, const std::function<bool(int32_t)> &is_alive) {
    const MemoryLock lock(memory_);
    HealthLayout layout = health_layout_of(memory_.region());
    return layout.leases.sweep(now, is_alive,
                               [&](const Lease &call) { end_call(layout, call.account); });
}

}  // namespace gateway
