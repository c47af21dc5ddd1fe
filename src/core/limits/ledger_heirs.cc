// Hands on what a request holds, so that another worker can go on with it if this one dies.
#include "core/limits/budget_record.h"
#include "core/limits/ledger.h"
#include "core/limits/memory_lock.h"
#include "core/limits/tally_region.h"

namespace gateway {

namespace {

template <typename AnyRegion>
void let_inherit(AnyRegion &region, LeaseHandle handle) {
    if (Lease *lease = region.edit_lease(handle)) {
        lease->heir = Lease::Heir::may_come;
    }
    region.commit();
}

// False if it is not there any more.
template <typename AnyRegion>
bool inherit(AnyRegion &region, const PartyShare &share, LeaseHandle handle, int32_t process,
             int64_t deadline) {
    Lease *lease = region.edit_lease(handle);
    const bool is_there = lease != nullptr && lease->account == share.party.account;
    if (is_there) {
        lease->process = process;
        lease->deadline = deadline;
        lease->heir = Lease::Heir::may_come;
    }
    region.commit();
    return is_there;
}

}  // namespace

void Ledger::hand_on(std::span<const PartyShare> shares) noexcept {
    const MemoryLock lock(memory_);
    TallyRegion tallies(memory_.region());
    BudgetTable budgets(budget_memory_);
    for (const PartyShare &share : shares) {
        let_inherit(tallies, share.lease);
        let_inherit(budgets.region(), share.hold);
    }
}

bool Ledger::adopt(std::span<PartyShare> shares, const CountingMemory &memory, Moment now,
                   int32_t process, int64_t lease_milliseconds) {
    const MemoryLock lock(memory_);
    TallyRegion tallies(memory_.region());
    BudgetTable budgets(budget_memory_);
    const bool same_tallies = tallies.id() == memory.tallies;
    const bool same_budgets = budgets.region().id() == memory.budgets;
    const int64_t deadline = now.milliseconds + lease_milliseconds;
    bool is_spent = false;
    for (PartyShare &share : shares) {
        const bool held = share.hold.number != 0 && same_budgets;
        if (!same_tallies) {
            share.reservations.clear();
        }
        if (!same_tallies || !inherit(tallies, share, share.lease, process, deadline)) {
            share.lease = {};
        }
        if (!held || !inherit(budgets.region(), share, share.hold, process, deadline)) {
            share.hold = {};
            is_spent = is_spent || held;
        }
    }
    return is_spent;
}

CountingMemory Ledger::counting_memory() {
    const MemoryLock lock(memory_);
    return {TallyRegion(memory_.region()).id(), BudgetTable(budget_memory_).region().id()};
}

}  // namespace gateway
