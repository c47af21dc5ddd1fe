// A region of shared memory that holds a table of entries and a list of leases. Each change of them
// is made whole or not at all, although its process may be killed at any instruction: what there
// was before is kept in the region until the change is complete, and who takes the lock next puts
// it back.
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

inline constexpr size_t kWays = 8;  // entries are as many sets of so many
inline constexpr size_t kSweptAtOnce = 128;

// `kMagic` is the layout's version: change it with Entry. One part in `kLeaseShare` is for leases.
// One change edits at most `kEdited` entries, and one lease.
template <typename Entry, uint64_t kMagic, size_t kLeaseShare, size_t kEdited>
class Region {
    static_assert(std::is_trivially_copyable_v<Entry>);

 public:
    static constexpr size_t least_size(size_t leases) {
        return sizeof(Header) + kWays * sizeof(Entry) + leases * sizeof(Lease);
    }
    // How many entries there are in a region of this size.
    static constexpr size_t entries_in(size_t size) {
        const size_t room = size - sizeof(Header);
        const size_t leases = room / kLeaseShare / sizeof(Lease);
        return (room - leases * sizeof(Lease)) / (kWays * sizeof(Entry)) * kWays;
    }

    // Lays it out anew, or takes it over as it is; false when it is not ours. `id` tells regions
    // apart that are laid out at different times, and cannot be guessed.
    static bool prepare(std::span<std::byte> region, bool fresh, uint64_t id) {
        Header &header = *reinterpret_cast<Header *>(region.data());
        if (!fresh) {
            return header.magic == kMagic && header.region_size == region.size();
        }
        if (header.magic != 0) {  // memory that the kernel has just given is not touched
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

    // For as long as the lock is held.
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
    // Of whoever uses the region; 0 when it is fresh.
    [[nodiscard]] int32_t &note() const { return header_.note; }
    [[nodiscard]] uint32_t &counter() const { return header_.counter; }

    // To be called before an entry is changed.
    void edit(const Entry &entry) {
        const auto place = static_cast<uint32_t>(&entry - entries_);
        uint32_t count = header_.undo.state & kCountMask;
        const uint32_t *begin = header_.undo.places;
        if (std::find(begin, begin + count, place) != begin + count) {
            return;
        }
        if (count == kEdited) {  // a mistake of ours, which no test has found
            commit();
            count = 0;
        }
        header_.undo.entries[count] = entry;
        header_.undo.places[count] = place;
        set_state(header_.undo.state + 1);
    }

    // Nothing when all are taken.
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
    // As it was; nothing if it was given back already.
    std::optional<Lease> give_back(LeaseHandle handle) {
        return edit_lease(handle) == nullptr ? std::nullopt
                                             : std::optional(leases_.release(handle.number));
    }
    // Takes back leases that are over, from the one after `last` on; so many at most, after which
    // others may have the lock. What `on_taken_back` does is part of the same change.
    template <typename OnTakenBack>
    size_t sweep(LeaseJudge &judge, uint32_t &last, OnTakenBack on_taken_back) {
        size_t swept = 0;
        commit();
        while (swept < kSweptAtOnce && last < header_.leases.used) {
            if (judge.is_over(leases_.at(++last))) {
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

    // What was stored before it is there before it, and what is stored after it after: for whoever
    // finds the memory as a process left it that was killed. Processors keep that order for their
    // own process; the compiler must, too.
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
