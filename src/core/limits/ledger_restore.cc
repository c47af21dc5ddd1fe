// Restores what was used before the memory was laid out.
#include <algorithm>

#include "core/limits/budget_record.h"
#include "core/limits/ledger.h"
#include "core/limits/memory_lock.h"
#include "core/limits/tally_region.h"

namespace gateway {

Ledger::Restoring Ledger::begin_restoring(int32_t process,
                                          const std::function<bool(int32_t)> &is_alive) {
    const MemoryLock lock(memory_);
    const TallyRegion region(memory_.region());
    const BudgetRegion budgets(budget_memory_);
    if (region.note() == kRestored && budgets.note() == kRestored) {
        return Restoring::done;
    }
    const auto is_at_it = [&](int32_t note) {
        return note != 0 && note != kRestored && note != process && is_alive(note);
    };
    if (is_at_it(region.note()) || is_at_it(budgets.note())) {
        return Restoring::others;
    }
    for (int32_t *note : {&region.note(), &budgets.note()}) {
        *note = *note == kRestored ? kRestored : process;
    }
    return Restoring::ours;
}

void Ledger::end_restoring() {
    const MemoryLock lock(memory_);
    TallyRegion(memory_.region()).note() = kRestored;
    BudgetRegion(budget_memory_).note() = kRestored;
}

void Ledger::give_up_restoring() {
    const MemoryLock lock(memory_);
    const TallyRegion region(memory_.region());
    const BudgetRegion budgets(budget_memory_);
    for (int32_t *note : {&region.note(), &budgets.note()}) {
        *note = *note == kRestored ? kRestored : 0;
    }
}

bool Ledger::restore_spent(const Account &account, std::string_view key, Period period,
                           int64_t number, MicroUsd usd) {
    const MemoryLock lock(memory_);
    BudgetTable budgets(budget_memory_);
    BudgetRecord *record = budgets.find_or_add(account, key);
    if (record == nullptr) {
        return false;
    }
    budgets.region().edit(*record);
    CalendarCount &before = record->before[static_cast<size_t>(period)];
    // A file that has lost something meanwhile must not lower the sum.
    if (number > before.number) {
        before = {number, usd};
    } else if (number == before.number) {
        before.used = std::max(before.used, usd);
    }
    return true;
}

}  // namespace gateway
