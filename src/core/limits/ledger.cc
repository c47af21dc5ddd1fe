#include "core/limits/ledger.h"

#include <algorithm>
#include <cstring>

namespace gateway {

namespace {

constexpr uint64_t kMagic = 0x3276726465676c31;  // the layout's version: change it with the layout
constexpr size_t kWays = 8;                      // places where one account may stand
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
    int64_t touched = 0;  // unix seconds
};

struct Lease {
    int32_t process = 0;  // 0: free
    uint32_t next_free = 0;
    uint32_t generation = 0;  // which holder of this place: a late one must not let go of another's
    Account account{};
    int64_t deadline = 0;  // monotonic milliseconds
};

struct Header {
    uint64_t magic;
    uint64_t region_size;
    uint32_t sets;
    uint32_t leases;
    uint32_t first_free;  // lease numbers start at 1
    uint32_t unused;
};

struct Layout {
    Header *header;
    Entry *entries;
    Lease *leases;
};

Layout layout_of(std::span<std::byte> region) {
    auto *header = reinterpret_cast<Header *>(region.data());
    auto *entries = reinterpret_cast<Entry *>(header + 1);
    auto *leases = reinterpret_cast<Lease *>(entries + size_t{header->sets} * kWays);
    return {header, entries, leases};
}

class Lock {
 public:
    explicit Lock(SharedMemory &memory) : memory_(memory) { memory_.lock(); }
    ~Lock() { memory_.unlock(); }
    Lock(const Lock &) = delete;
    Lock &operator=(const Lock &) = delete;

 private:
    SharedMemory &memory_;
};

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

Entry *set_of(const Layout &layout, const Account &account) {
    return layout.entries + (account[0] % layout.header->sets) * kWays;
}

Entry *find(const Layout &layout, const Account &account) {
    Entry *set = set_of(layout, account);
    auto *found =
        std::find_if(set, set + kWays, [&](const Entry &e) { return e.account == account; });
    return found == set + kWays ? nullptr : found;
}

// Room is made by forgetting an account that would lose nothing by it; null when there is none in
// the set.
Entry *find_or_add(const Layout &layout, const Account &account, Moment now) {
    Entry *entry = find(layout, account);
    if (entry == nullptr) {
        Entry *set = set_of(layout, account);
        auto *room =
            std::find_if(set, set + kWays, [](const Entry &e) { return e.account == Account{}; });
        if (room == set + kWays) {
            room =
                std::find_if(set, set + kWays, [=](const Entry &e) { return is_like_new(e, now); });
        }
        if (room == set + kWays) {
            return nullptr;
        }
        entry = room;
        *entry = Entry{};
        entry->account = account;
    }
    entry->touched = now.unix_seconds;
    roll(entry->requests, now.unix_seconds / kMinute);
    roll(entry->images_minute, now.unix_seconds / kMinute);
    roll(entry->images_day, now.unix_seconds / kDay);
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

void release(const Layout &layout, uint32_t number) {
    Lease &lease = layout.leases[number - 1];
    if (lease.process == 0) {
        return;
    }
    if (Entry *entry = find(layout, lease.account); entry != nullptr && entry->concurrent > 0) {
        --entry->concurrent;
    }
    const uint32_t generation = lease.generation;
    lease = Lease{};
    lease.generation = generation;
    lease.next_free = layout.header->first_free;
    layout.header->first_free = number;
}

}  // namespace

Account account_of(const Key &key) {
    const Sha256 hash = sha256(key.id);
    Account account{};
    std::memcpy(account.data(), hash.data(), sizeof(account));
    return account;
}

size_t Ledger::least_size() {
    return sizeof(Header) + kWays * sizeof(Entry) + 64 * sizeof(Lease);
}

bool Ledger::prepare(std::span<std::byte> region, bool fresh) {
    if (region.size() < least_size()) {
        return false;
    }
    auto *header = reinterpret_cast<Header *>(region.data());
    if (!fresh) {
        return header->magic == kMagic && header->region_size == region.size();
    }
    const size_t room = region.size() - sizeof(Header);
    *header = {};
    header->magic = kMagic;
    header->region_size = region.size();
    // A quarter for leases, the rest for accounts.
    header->leases = static_cast<uint32_t>(room / 4 / sizeof(Lease));
    header->sets =
        static_cast<uint32_t>((room - header->leases * sizeof(Lease)) / (kWays * sizeof(Entry)));
    const Layout layout = layout_of(region);
    std::fill_n(layout.entries, size_t{header->sets} * kWays, Entry{});
    for (uint32_t i = 0; i < header->leases; ++i) {
        layout.leases[i] = Lease{};
        layout.leases[i].next_free = i + 1 < header->leases ? i + 2 : 0;
    }
    header->first_free = 1;
    return true;
}

tl::expected<Admission, LimitReached> Ledger::enter(const Account &account, const KeyLimits &limits,
                                                    Moment now, int32_t process,
                                                    int64_t lease_milliseconds) {
    Admission admission;
    if (!limits.any()) {
        return admission;
    }
    const Lock lock(memory_);
    const Layout layout = layout_of(memory_.region());
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
        const uint32_t number = layout.header->first_free;
        if (number == 0) {
            return tl::unexpected(no_room());
        }
        Lease &lease = layout.leases[number - 1];
        layout.header->first_free = lease.next_free;
        lease.process = process;
        lease.account = account;
        lease.deadline = now.milliseconds + lease_milliseconds;
        ++lease.generation;
        ++entry->concurrent;
        admission.lease = {number, lease.generation};
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
    const Lock lock(memory_);
    const Layout layout = layout_of(memory_.region());
    if (layout.leases[lease.number - 1].generation == lease.generation) {
        release(layout, lease.number);
    }
}

tl::expected<Quota, LimitReached> Ledger::reserve_images(const Account &account,
                                                         const KeyLimits &limits, int64_t count,
                                                         Moment now) {
    if (limits.images_per_minute == 0 && limits.images_per_day == 0) {
        return Quota{};
    }
    const Lock lock(memory_);
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
    const Lock lock(memory_);
    Entry *entry = find(layout_of(memory_.region()), account);
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
    const Lock lock(memory_);
    const Layout layout = layout_of(memory_.region());
    size_t swept = 0;
    for (uint32_t number = 1; number <= layout.header->leases; ++number) {
        const Lease &lease = layout.leases[number - 1];
        if (lease.process != 0 && (lease.deadline < now.milliseconds || !is_alive(lease.process))) {
            release(layout, number);
            ++swept;
        }
    }
    return swept;
}

}  // namespace gateway
