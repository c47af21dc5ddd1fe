// What everybody has used, in memory that all workers share: requests and images by the minute and
// the day, concurrency, money. Plain data under one lock; a worker that dies leaves nothing that
// is not put right.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "core/limits/calendar_count.h"
#include "core/limits/exceeded.h"
#include "core/limits/party.h"
#include "core/limits/quotas.h"
#include "core/ports.h"

namespace gateway {

// Money that was held for a request whose worker died: it may have been spent.
struct Orphaned {
    std::string key;
    Account account{};
    MicroUsd usd = 0;
};

// What a key has spent in the hour, the day and so on, as far as it was counted in this memory.
struct KeySpending {
    Account account{};
    std::string key;  // empty: it is not known
    CalendarCount spent[kPeriods];
};

class Ledger {
 public:
    // Lays out the region anew, or takes it over as an earlier configuration left it. `id` is
    // drawn at random. False when the region is too small or is not ours.
    static bool prepare(std::span<std::byte> region, bool fresh, uint64_t id = 0);
    // The smallest region that prepare() takes.
    static size_t least_size();
    // The same for what keys have spent, which outlives a change of the region's size.
    static bool prepare_budgets(std::span<std::byte> budgets, bool fresh, uint64_t id = 0);
    // For so many keys there is room in it.
    static size_t max_budget_records(size_t size);

    // The budget records are under the memory's lock, too.
    Ledger(SharedMemory &memory, std::span<std::byte> budget_memory)
        : memory_(memory), budget_memory_(budget_memory) {}

    // Each of these three takes the lock once, and tells what is left after it. None allocates
    // under it.

    // One request more, for all of them or for none: counts it and takes leases.
    tl::expected<Quotas, Exceeded> enter(std::span<PartyShare> shares, Moment now, int32_t process,
                                         int64_t lease_milliseconds);
    // So much more is about to be used, of all of them or of none.
    tl::expected<Quotas, Exceeded> reserve(std::span<PartyShare> shares, int64_t images,
                                           MicroUsd usd, Moment now);
    // The end of them: gives back what was reserved and not used, and all leases. What was spent
    // counts whether or not it was reserved.
    Quotas settle(std::span<PartyShare> shares, int64_t images_used, MicroUsd spent,
                  Moment now) noexcept;

    // Takes back the leases of processes that are gone and those that have outlived their deadline.
    size_t sweep(Moment now, const std::function<bool(int32_t)> &is_alive,
                 const std::function<void(const Orphaned &)> &on_orphaned);

    // What was used before this memory was laid out, or where this memory is not seen. The first
    // process to ask may bring it back, or the next if that one is gone; the others wait until it
    // has. To bring it back again changes nothing.
    enum class Restoring : uint8_t { ours, others, done };
    Restoring begin_restoring(int32_t process, const std::function<bool(int32_t)> &is_alive);
    void end_restoring();
    void give_up_restoring();  // another may try
    // False when there is no room for this key's money.
    bool restore_spent(const Account &account, std::string_view key, Period period, int64_t number,
                       MicroUsd usd);
    void restore_images(const Party &party, int64_t images, Moment now);

    // What is to be written down of the budget records, to a file that knows them by this number.
    [[nodiscard]] uint64_t budget_memory_id();
    // Of these keys, in the same order.
    [[nodiscard]] std::vector<KeySpending> sums_of(std::span<const Account> keys);
    void note_written(std::span<const KeySpending> sums);
    // Whether any was noted in these records.
    [[nodiscard]] bool has_written();
    // All keys of which something is not written, also what workers have counted that are gone.
    [[nodiscard]] std::vector<Account> unwritten();

    // How often this process has found no room since it was last asked.
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
