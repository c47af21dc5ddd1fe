// A region of shared memory with a table of entries and a list of leases. Each change of them is
// complete or has no effect, even if its process is killed at any instruction: the region keeps the
// old values until the change is complete, and the next process that takes the lock restores them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>

#include "core/limits/leases.h"
#include "core/limits/memory_lock.h"

namespace gateway {

inline constexpr size_t kWays = 8;  // entries in a set
inline constexpr size_t kSweptAtOnce = 128;

// `kMagic` is the layout's version: change it with Entry. One part in `kLeaseShare` is for leases.
// One change edits at most `kEdited` entries, and one lease.
template <typename Entry, uint64_t kMagic, size_t kLeaseShare, size_t kEdited>
class Region {
    static_assert(std::is_trivially_copyable_v<Entry>);

 public:
    static constexpr size_t min_size(size_t leases) {
        return sizeof(Header) + kWays * sizeof(Entry) + leases * sizeof(Lease);
    }
    // How many entries there are in a region of this size.
    static constexpr size_t entries_in(size_t size) {
        const size_t room = size - sizeof(Header);
        const size_t leases = room / kLeaseShare / sizeof(Lease);
        return (room - leases * sizeof(Lease)) / (kWays * sizeof(Entry)) * kWays;
    }

    // Lays the region out anew, or takes it over as it is; false if it has another layout. `id`
    // differs for each region that is laid out, and cannot be guessed.
    static bool prepare(std::span<std::byte> region, bool fresh, uint64_t id) {
        Header &header = *reinterpret_cast<Header *>(region.data());
        if (!fresh) {
            return header.magic == kMagic && header.region_size == region.size();
        }
        if (header.magic != 0) {  // fresh memory from the kernel is zero, and stays untouched
            std::fill(region.begin(), region.end(), std::byte{});
        }
        const size_t room = region.size() - sizeof(Header);
        header.region_size = region.size();
        header.id = id;
        header.leases.count = static_cast<uint32_t>(room / kLeaseShare / sizeof(Lease));
        header.entries = static_cast<uint32_t>(entries_in(region.size()));
        header.magic = kMagic;
        return true;
    }

    // For use while the lock is held.
    explicit Region(std::span<std::byte> region)
        : header_(*reinterpret_cast<Header *>(region.data())),
          entries_(reinterpret_cast<Entry *>(&header_ + 1)),
          leases_(header_.leases, reinterpret_cast<Lease *>(entries_ + header_.entries)) {
        if (header_.undo.state != 0) {
            undo();
        }
    }
    ~Region() { commit(); }
    Region(const Region &) = delete;
    Region &operator=(const Region &) = delete;

    [[nodiscard]] std::span<Entry> entries() const { return {entries_, header_.entries}; }
    [[nodiscard]] uint64_t id() const { return header_.id; }
    // For the user of the region; 0 when it is fresh.
    [[nodiscard]] int32_t &note() const { return header_.note; }
    [[nodiscard]] uint32_t &counter() const { return header_.counter; }

    // Must be called before an entry is changed.
    void edit(const Entry &entry) {
        const auto place = static_cast<uint32_t>(&entry - entries_);
        uint32_t count = header_.undo.state & kCountMask;
        const uint32_t *begin = header_.undo.places;
        if (std::find(begin, begin + count, place) != begin + count) {
            return;
        }
        if (count == kEdited) {  // a mistake in this program
            commit();
            count = 0;
        }
        header_.undo.entries[count] = entry;
        header_.undo.places[count] = place;
        set_state(header_.undo.state + 1);
    }

    // Nothing if all leases are taken.
    std::optional<LeaseHandle> take_lease(const Account &account, int32_t process,
                                          int64_t deadline) {
        const uint32_t number = leases_.next();
        if (number == 0) {
            return std::nullopt;
        }
        edit_lease(number);
        return leases_.take(number, account, process, deadline);
    }
    // To be changed; null if it was given back.
    Lease *edit_lease(LeaseHandle handle) {
        Lease *lease = leases_.find(handle);
        if (lease != nullptr) {
            edit_lease(handle.number);
        }
        return lease;
    }
    // Returns the lease as it was; nothing if it was given back already.
    std::optional<Lease> give_back(LeaseHandle handle) {
        return edit_lease(handle) == nullptr ? std::nullopt
                                             : std::optional(leases_.release(handle.number));
    }
    // Takes back leases that are over, beginning after number `last`, and at most kSweptAtOnce, so
    // that others get the lock. What `on_taken_back` does is part of the same change.
    template <typename OnTakenBack>
    size_t sweep(LeaseJudge &judge, uint32_t &last, OnTakenBack on_taken_back) {
        size_t swept = 0;
        commit();
        while (swept < kSweptAtOnce && last < header_.leases.used) {
            if (judge.is_left(leases_.at(++last))) {
                edit_lease(last);
                judge.await_heir(leases_.at(last));
                commit();
            } else if (judge.is_over(leases_.at(last))) {
                edit_lease(last);
                on_taken_back(leases_.release(last));
                commit();
                ++swept;
            }
        }
        return swept;
    }

    // The change is complete.
    void commit() {
        if (header_.undo.state != 0) {
            set_state(0);
        }
    }

 private:
    static constexpr uint32_t kCountMask = 0xff;
    static constexpr uint32_t kHasLease = 0x100;

    struct Undo {
        uint32_t state;  // 0: no change is under way. Else how many entries are kept, and a lease
        uint32_t lease_number;
        uint32_t places[kEdited];
        LeaseList list;
        Lease lease;
        Entry entries[kEdited];
    };

    struct Header {
        uint64_t magic;
        uint64_t region_size;
        uint64_t id;
        uint32_t entries;
        int32_t note;
        uint32_t counter;
        LeaseList leases;
        Undo undo;
    };

    // A process may be killed between any two stores, so they must reach memory in the order of the
    // program. Processors keep that order as their own process sees it; the fences make the
    // compiler keep it.
    void set_state(uint32_t state) {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        std::atomic_ref<uint32_t>(header_.undo.state).store(state, std::memory_order_release);
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }

    void edit_lease(uint32_t number) {
        if ((header_.undo.state & kHasLease) != 0 && header_.undo.lease_number == number) {
            return;
        }
        header_.undo.list = header_.leases;
        header_.undo.lease = leases_.at(number);
        header_.undo.lease_number = number;
        set_state(header_.undo.state | kHasLease);
    }

    void undo() {
        Undo &undo = header_.undo;
        for (uint32_t i = 0; i < (undo.state & kCountMask); ++i) {
            entries_[undo.places[i]] = undo.entries[i];
        }
        if ((undo.state & kHasLease) != 0) {
            leases_.at(undo.lease_number) = undo.lease;
            header_.leases = undo.list;
        }
        set_state(0);
    }

    Header &header_;
    Entry *entries_;
    Leases leases_;
};

// Takes back all leases that are over. The lock is held for a few of them at a time, and
// `on_taken_back(table, lease)` is part of the change in which each is taken back; after each few,
// without the lock, `in_between` is called. A table is a Region, or has one.
template <typename Table, typename OnTakenBack>
size_t sweep_all(SharedMemory &memory, std::span<std::byte> bytes, LeaseJudge &judge,
                 OnTakenBack on_taken_back, const std::function<void()> &in_between = {}) {
    size_t all = 0;
    uint32_t last = 0;
    for (size_t swept = kSweptAtOnce; swept == kSweptAtOnce; all += swept) {
        {
            const MemoryLock lock(memory);
            Table table(bytes);
            auto &region = [&]() -> auto & {
                if constexpr (requires { table.region(); }) {
                    return table.region();
                } else {
                    return table;
                }
            }
            ();
            swept =
                region.sweep(judge, last, [&](const Lease &lease) { on_taken_back(table, lease); });
        }
        if (in_between) {
            in_between();
        }
    }
    return all;
}

}  // namespace gateway
