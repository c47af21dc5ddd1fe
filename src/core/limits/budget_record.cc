#include "core/limits/budget_record.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace gateway {

namespace {

// Tables that are no fuller than capacity() says need fewer steps.
constexpr size_t kMaxSteps = 4096;

}  // namespace

// The account's record, or the free place where it would be added; null if neither is found.
BudgetRecord *BudgetTable::place_of(const Account &account) const {
    const std::span<BudgetRecord> places = region_.entries();
    size_t place = account[1] % places.size();
    for (size_t step = 0; step < std::min(kMaxSteps, places.size()); ++step) {
        BudgetRecord &record = places[place];
        if (record.account == account || record.account == Account{}) {
            return &record;
        }
        place = place + 1 == places.size() ? 0 : place + 1;
    }
    return nullptr;
}

BudgetRecord *BudgetTable::find(const Account &account) const {
    BudgetRecord *record = place_of(account);
    return record == nullptr || record->account != account ? nullptr : record;
}

BudgetRecord *BudgetTable::find_or_add(const Account &account, std::string_view key) {
    BudgetRecord *record = place_of(account);
    if (record == nullptr || record->account == account) {
        return record;
    }
    // The record counts once its account is set. If the process is killed before, the next one that
    // adds a record overwrites what was begun.
    const std::span<BudgetRecord> places = region_.entries();
    if (region_.counter() == places.size()) {
        return nullptr;
    }
    record->key_size = static_cast<uint8_t>(std::min(key.size(), BudgetRecord::kLongestKey));
    std::memcpy(record->key, key.data(), record->key_size);
    places[region_.counter()].listed = static_cast<uint32_t>(record - places.data());
    std::atomic_signal_fence(std::memory_order_seq_cst);
    ++region_.counter();
    std::atomic_signal_fence(std::memory_order_seq_cst);
    region_.edit(*record);
    record->account = account;
    return record;
}

}  // namespace gateway
