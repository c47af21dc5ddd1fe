// Takes back what the requests of dead workers hold.
#include <algorithm>
#include <utility>
#include <vector>

#include "core/limits/budget_record.h"
#include "core/limits/ledger.h"
#include "core/limits/tally_region.h"

namespace gateway {

size_t Ledger::sweep(Moment now, const std::function<bool(int32_t)> &is_alive,
                     const std::function<void(const Orphaned &)> &on_orphaned) {
    return sweep_concurrency(now, is_alive) + sweep_money(now, is_alive, on_orphaned);
}

size_t Ledger::sweep_concurrency(Moment now, const std::function<bool(int32_t)> &is_alive) {
    LeaseJudge judge(now, is_alive);
    return sweep_all<TallyRegion>(memory_, memory_.region(), judge,
                                  [](TallyRegion &region, const Lease &lease) {
                                      if (Tally *tally = tallies_of(region).find(lease.account)) {
                                          region.edit(*tally);
                                          tally->concurrent = std::max(0, tally->concurrent - 1);
                                      }
                                  });
}

size_t Ledger::sweep_money(Moment now, const std::function<bool(int32_t)> &is_alive,
                           const std::function<void(const Orphaned &)> &on_orphaned) {
    const Dated dated(now);
    LeaseJudge judge(now, is_alive);
    // Made before the lock is taken: nothing allocates under it.
    std::vector<Orphaned> orphaned(kSweptAtOnce);
    for (Orphaned &one : orphaned) {
        one.key.reserve(BudgetRecord::kLongestKey);
    }
    size_t found = 0;
    return sweep_all<BudgetTable>(
        memory_, budget_memory_, judge,
        [&](BudgetTable &budgets, const Lease &lease) {
            BudgetRecord *record = budgets.find(lease.account);
            if (record == nullptr || lease.amount <= 0) {
                return;
            }
            budgets.region().edit(*record);
            record->reserved -= std::min(record->reserved, lease.amount);
            if (lease.heir == Lease::Heir::unspent) {
                return;
            }
            record->spend(lease.amount, dated);
            Orphaned &one = orphaned[found++];
            one.key = record->key_id();
            one.account = record->account;
            one.usd = lease.amount;
        },
        [&] { std::for_each_n(orphaned.begin(), std::exchange(found, 0), on_orphaned); });
}

}  // namespace gateway
