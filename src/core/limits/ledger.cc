#include "core/limits/ledger.h"

#include <algorithm>
#include <span>

#include "core/limits/memory_lock.h"
#include "core/limits/region.h"

namespace gateway {

namespace {

constexpr int64_t kMinute = 60;
constexpr int64_t kDay = 86400;

struct Window {
    int64_t number = 0;  // which minute or day since 1970
    int64_t used = 0;
};

struct Entry {
    Account account{};  // all zero: free
    Window requests;
    Window images_minute;
    Window images_day;
    int64_t concurrent = 0;
};

// The number is the layout's version.
using Places = Region<Entry, 0x3376726465676c31, 4>;
using Layout = Places::Layout;

Layout layout_of(std::span<std::byte> region) {
    return Places::layout(region);
}

void roll(Window &window, int64_t number) {
    if (window.number != number) {
        window = {number, 0};
    }
}

bool is_like_new(const Entry &entry, Moment now) {
    return entry.concurrent == 0 && entry.requests.number != now.unix_seconds / kMinute &&
           entry.images_minute.number != now.unix_seconds / kMinute &&
           (entry.images_day.number != now.unix_seconds / kDay || entry.images_day.used == 0);
}

// With its windows up to date; null when there is no room.
Entry *find_or_add(const Layout &layout, const Account &account, Moment now) {
    Entry *entry = layout.entries.find_or_add(
        account, [=](const Entry &other) { return is_like_new(other, now); });
    if (entry != nullptr) {
        roll(entry->requests, now.unix_seconds / kMinute);
        roll(entry->images_minute, now.unix_seconds / kMinute);
        roll(entry->images_day, now.unix_seconds / kDay);
    }
    return entry;
}

int64_t until_next(int64_t window_seconds, Moment now) {
    return window_seconds - now.unix_seconds % window_seconds;
}

Quota quota_of(const Window &window, int64_t limit, int64_t window_seconds, Moment now) {
    if (limit == 0) {
        return {};
    }
    return {limit, std::max<int64_t>(0, limit - window.used), until_next(window_seconds, now)};
}

// Of the two limits on images, the one that is nearer.
Quota images_quota(const Entry &entry, const KeyLimits &limits, Moment now) {
    const Quota minute = quota_of(entry.images_minute, limits.images_per_minute, kMinute, now);
    const Quota day = quota_of(entry.images_day, limits.images_per_day, kDay, now);
    if (minute.limit == 0 || (day.limit != 0 && day.remaining < minute.remaining)) {
        return day;
    }
    return minute;
}

LimitReached reached(const std::string &what, int64_t limit, const char *per, int64_t retry_after) {
    return {
        "The limit of " + std::to_string(limit) + " " + what + per + " for this key is reached.",
        static_cast<int>(retry_after)};
}

LimitReached no_room() {
    return {"The gateway has no room to count another key; its image_gateway_zone is too small.",
            60};
}

void end_one(const Layout &layout, const Account &account) {
    if (Entry *entry = layout.entries.find(account); entry != nullptr && entry->concurrent > 0) {
        --entry->concurrent;
    }
}

}  // namespace

Account account_of(const Key &key) {
    return account_of(std::string_view(key.id));
}

size_t Ledger::least_size() {
    return Places::least_size(64);
}

bool Ledger::prepare(std::span<std::byte> region, bool fresh) {
    return region.size() >= least_size() && Places::prepare(region, fresh);
}

tl::expected<Admission, LimitReached> Ledger::enter(const Account &account, const KeyLimits &limits,
                                                    Moment now, int32_t process,
                                                    int64_t lease_milliseconds) {
    Admission admission;
    if (!limits.any()) {
        return admission;
    }
    const MemoryLock lock(memory_);
    Layout layout = layout_of(memory_.region());
    Entry *entry = find_or_add(layout, account, now);
    if (entry == nullptr) {
        return tl::unexpected(no_room());
    }
    if (limits.concurrent > 0 && entry->concurrent >= limits.concurrent) {
        return tl::unexpected(reached("concurrent requests", limits.concurrent, "", 1));
    }
    if (limits.requests_per_minute > 0 && entry->requests.used >= limits.requests_per_minute) {
        return tl::unexpected(reached("requests", limits.requests_per_minute, " per minute",
                                      until_next(kMinute, now)));
    }
    if (limits.concurrent > 0) {
        const auto lease =
            layout.leases.take(account, process, now.milliseconds + lease_milliseconds);
        if (!lease) {
            return tl::unexpected(no_room());
        }
        ++entry->concurrent;
        admission.lease = *lease;
    }
    ++entry->requests.used;
    admission.requests = quota_of(entry->requests, limits.requests_per_minute, kMinute, now);
    admission.images = images_quota(*entry, limits, now);
    return admission;
}

void Ledger::leave(LeaseHandle lease) noexcept {
    if (lease.number == 0) {
        return;
    }
    const MemoryLock lock(memory_);
    Layout layout = layout_of(memory_.region());
    if (const auto account = layout.leases.give_back(lease)) {
        end_one(layout, *account);
    }
}

tl::expected<Quota, LimitReached> Ledger::reserve_images(const Account &account,
                                                         const KeyLimits &limits, int64_t count,
                                                         Moment now) {
    if (limits.images_per_minute == 0 && limits.images_per_day == 0) {
        return Quota{};
    }
    const MemoryLock lock(memory_);
    Entry *entry = find_or_add(layout_of(memory_.region()), account, now);
    if (entry == nullptr) {
        return tl::unexpected(no_room());
    }
    if (limits.images_per_minute > 0 &&
        entry->images_minute.used + count > limits.images_per_minute) {
        return tl::unexpected(
            reached("images", limits.images_per_minute, " per minute", until_next(kMinute, now)));
    }
    if (limits.images_per_day > 0 && entry->images_day.used + count > limits.images_per_day) {
        return tl::unexpected(
            reached("images", limits.images_per_day, " per day", until_next(kDay, now)));
    }
    entry->images_minute.used += count;
    entry->images_day.used += count;
    return images_quota(*entry, limits, now);
}

void Ledger::give_back_images(const Account &account, int64_t count, Moment reserved_at) noexcept {
    const MemoryLock lock(memory_);
    Entry *entry = layout_of(memory_.region()).entries.find(account);
    if (entry == nullptr) {
        return;
    }
    // A window that has passed since took its reservations with it.
    if (entry->images_minute.number == reserved_at.unix_seconds / kMinute) {
        entry->images_minute.used = std::max<int64_t>(0, entry->images_minute.used - count);
    }
    if (entry->images_day.number == reserved_at.unix_seconds / kDay) {
        entry->images_day.used = std::max<int64_t>(0, entry->images_day.used - count);
    }
}

size_t Ledger::sweep(Moment now, const std::function<bool(int32_t)> &is_alive) {
    const MemoryLock lock(memory_);
    Layout layout = layout_of(memory_.region());
    return layout.leases.sweep(now, is_alive,
                               [&](const Account &account) { end_one(layout, account); });
}

}  // namespace gateway
