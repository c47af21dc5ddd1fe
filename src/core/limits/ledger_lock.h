// The steps of a request in the ledger's memory, while its lock is held.
#pragma once

#include <cstdint>
#include <span>
#include <tl/expected.hpp>

#include "core/limits/budget_record.h"
#include "core/limits/exceeded.h"
#include "core/limits/memory_lock.h"
#include "core/limits/party.h"
#include "core/limits/quotas.h"
#include "core/limits/tally_region.h"

namespace gateway {

// Holds the ledger's lock for one step of a request, and does that step for each party. Other
// workers wait for the lock: nothing here allocates, and a party's tally is searched in all its
// places only once in a request. Each change of a tally or a budget record is complete or was not
// begun, if the process is killed in it. What a killed step did for some of the parties is taken
// back with the dead worker's leases.
class LedgerLock {
 public:
    LedgerLock(SharedMemory &memory, std::span<std::byte> budgets, Moment now, size_t &times_full)
        : now_(now),
          lock_(memory),
          region_(memory.region()),
          budgets_(budgets),
          times_full_(times_full) {}

    tl::expected<void, Exceeded> enter(PartyShare &share, int32_t process, int64_t deadline);
    void take_back_entering(PartyShare &share);
    // The caller has made room for one reservation more.
    tl::expected<void, Exceeded> reserve(PartyShare &share, int64_t images, MicroUsd usd);
    void take_back_reserving(PartyShare &share, int64_t images, MicroUsd usd);
    void settle(PartyShare &share, int64_t images_used, MicroUsd spent);
    // What is left to the parties for which a step was done.
    [[nodiscard]] const Quotas &quotas() const { return quotas_; }

    // To be changed; null when there is no room.
    Tally *edit_or_add(const Party &party, uint8_t &place);
    [[nodiscard]] const TallyRegion &region() const { return region_; }

 private:
    [[nodiscard]] SetTable<Tally> tallies() const { return tallies_of(region_); }
    Tally *edit(PartyShare &share);
    Tally *edit_or_add(PartyShare &share) { return edit_or_add(share.party, share.place); }
    tl::expected<void, Exceeded> take_leases(PartyShare &share, int32_t process, int64_t deadline);
    void end_lease(PartyShare &share);
    tl::expected<void, Exceeded> hold_money(const PartyShare &share, MicroUsd more);
    void settle_money(PartyShare &share, MicroUsd spent);

    Dated now_;
    MemoryLock lock_;
    TallyRegion region_;
    BudgetTable budgets_;
    size_t &times_full_;
    Quotas quotas_;
};

}  // namespace gateway
