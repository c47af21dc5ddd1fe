// The ledger counts, in memory that all workers share, what each party has used: requests, images,
// concurrency, money. Plain data under one lock. What a dead worker leaves is put right.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "core/limits/calendar_count.h"
#include "core/limits/exceeded.h"
#include "core/limits/limits.h"
#include "core/limits/party.h"
#include "core/limits/quotas.h"
#include "core/ports.h"

namespace gateway {

// Money that was held for a request whose worker died. It may have been spent.
struct Orphaned {
    std::string key;
    Account account{};
    MicroUsd usd = 0;
};

// What a key has spent in each period, as counted in this memory.
struct KeySpending {
    Account account{};
    std::string key;  // its id; empty if unknown
    CalendarCount spent[kPeriods];
};

// What a key has used of each limit, in the order of kLimitRows, and spent in each current period.
struct KeyUse {
    std::array<int64_t, std::size(kLimitRows)> used{};
    std::array<MicroUsd, kPeriods> spent{};
};

class Ledger {
 public:
    // Lays out the region anew, or takes it over as an earlier configuration left it. `id` is
    // drawn at random. False when the region is too small or is not ours.
    static bool prepare(std::span<std::byte> region, bool fresh, uint64_t id = 0);
    // The smallest region that prepare() accepts.
    static size_t min_size();
    // The same for the memory of budgets, which outlives a change of the region's size.
    static bool prepare_budgets(std::span<std::byte> budgets, bool fresh, uint64_t id = 0);
    // For how many keys there is room in a memory of this size.
    static size_t max_budget_records(size_t size);

    // The memory's lock is the lock of the budget records as well.
    Ledger(SharedMemory &memory, std::span<std::byte> budget_memory)
        : memory_(memory), budget_memory_(budget_memory) {}

    // Each of these three takes the lock once, returns what is left afterwards, and allocates
    // nothing while it holds the lock.

    // Counts one request more and takes leases, for all parties or for none.
    tl::expected<Quotas, Exceeded> enter(std::span<PartyShare> shares, Moment now, int32_t process,
                                         int64_t lease_milliseconds);
    // Reserves so much more, for all parties or for none.
    tl::expected<Quotas, Exceeded> reserve(std::span<PartyShare> shares, int64_t images,
                                           MicroUsd usd, Moment now);
    // Take back what enter() and reserve() have done at this moment: other accounts have refused
    // it.
    void take_back_entering(std::span<PartyShare> shares, Moment then) noexcept;
    void take_back_reserving(std::span<PartyShare> shares, int64_t images, MicroUsd usd,
                             Moment now) noexcept;
    // Ends a request: gives back what was reserved and not used, and all leases. What was spent
    // counts whether or not it was reserved.
    Quotas settle(std::span<PartyShare> shares, int64_t images_used, MicroUsd spent,
                  Moment now) noexcept;

    // A request that waits has no place under `concurrent`, and what it has reserved was not spent
    // if its process dies. enter() makes such a claim for shares with `waits`; step_back() turns a
    // claim into one, and admit() turns it into an ordinary one, for all parties or for none.
    void step_back(std::span<PartyShare> shares, Moment now) noexcept;
    tl::expected<void, Exceeded> admit(std::span<PartyShare> shares, Moment now, int32_t process,
                                       int64_t lease_milliseconds);

    // If this process dies, another one may adopt these shares: the sweep leaves their leases for a
    // while.
    void hand_on(std::span<const PartyShare> shares) noexcept;
    // Takes over shares of a dead process that has handed them on, as they were in `memory`. What
    // is not there any more is removed from the shares. True if money that they held was counted as
    // spent meanwhile.
    bool adopt(std::span<PartyShare> shares, const CountingMemory &memory, Moment now,
               int32_t process, int64_t lease_milliseconds);
    [[nodiscard]] CountingMemory counting_memory();

    // Takes back leases of processes that have died, and leases whose deadline has passed.
    size_t sweep(Moment now, const std::function<bool(int32_t)> &is_alive,
                 const std::function<void(const Orphaned &)> &on_orphaned);

    // Restoring adds what was used before this memory was laid out, or outside of it. The first
    // process that asks does it, or another if that one dies; the others wait. To restore the same
    // values again changes nothing.
    enum class Restoring : uint8_t { ours, others, done };
    Restoring begin_restoring(int32_t process, const std::function<bool(int32_t)> &is_alive);
    void end_restoring();
    void give_up_restoring();  // another process may try
    // False if there is no room for this key's record.
    bool restore_spent(const Account &account, std::string_view key, Period period, int64_t number,
                       MicroUsd usd);
    void restore_images(const Party &party, int64_t images, Moment now);

    // The number by which the state file knows the memory of the budget records.
    [[nodiscard]] uint64_t budget_memory_id();
    // The sums of these keys, in the same order.
    [[nodiscard]] std::vector<KeySpending> sums_of(std::span<const Account> keys);
    void note_written(std::span<const KeySpending> sums);
    // Whether any sum of this memory was ever noted as written.
    [[nodiscard]] bool has_written();
    // All keys with sums that are not written yet, also sums that dead workers have counted.
    [[nodiscard]] std::vector<Account> unwritten();

    // For people. Each takes the lock once.
    [[nodiscard]] KeyUse use_of(const Account &key, Moment now);
    // How many entries count a party, of at most `count` from number `first` on. Nothing: there are
    // no more.
    struct EntryCount {
        size_t looked_at = 0;
        size_t used = 0;
    };
    [[nodiscard]] std::optional<EntryCount> count_entries(size_t first, size_t count);

    // How often, since the last call of this, this process has found no room.
    [[nodiscard]] size_t take_times_full() { return std::exchange(times_full_, 0); }

 private:
    size_t sweep_concurrency(Moment now, const std::function<bool(int32_t)> &is_alive);
    size_t sweep_money(Moment now, const std::function<bool(int32_t)> &is_alive,
                       const std::function<void(const Orphaned &)> &on_orphaned);

    SharedMemory &memory_;
    std::span<std::byte> budget_memory_;
    size_t times_full_ = 0;
};

}  // namespace gateway
