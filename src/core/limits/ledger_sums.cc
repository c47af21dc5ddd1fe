// Copies what is counted, for the state file.
#include <algorithm>
#include <map>

#include "core/limits/budget_record.h"
#include "core/limits/counted.h"
#include "core/limits/ledger.h"
#include "core/limits/memory_lock.h"
#include "core/limits/tally_region.h"

namespace gateway {

std::vector<Counted> counted_in(SharedMemory &memory, std::span<std::byte> budgets) {
    constexpr size_t kAtOnce = 256;
    std::vector<Counted> all;
    std::map<Account, std::string> keys;  // whose accounts these are
    const auto copy_all = [&]<typename Entry>(auto entries_of, std::vector<Entry> some,
                                              auto describe) {
        for (size_t begin = 0, count = kAtOnce; count == kAtOnce; begin += count) {
            {
                const MemoryLock lock(memory);
                const std::span<Entry> entries = entries_of();
                count = std::min(kAtOnce, entries.size() - std::min(begin, entries.size()));
                std::copy_n(entries.begin() + static_cast<std::ptrdiff_t>(begin), count,
                            some.begin());
            }
            for (const Entry &entry : std::span(some).first(count)) {
                if (entry.account != Account{}) {
                    all.emplace_back().account = entry.account;
                    describe(all.back(), entry);
                }
            }
        }
    };
    copy_all([&] { return BudgetRegion(budgets).entries(); }, std::vector<BudgetRecord>(kAtOnce),
             [&](Counted &one, const BudgetRecord &record) {
                 one.key = keys[record.account] = record.key_id();
                 std::copy_n(record.spent, kPeriods, one.spent.begin());
                 std::copy_n(record.before, kPeriods, one.spent_before.begin());
             });
    copy_all([&] { return TallyRegion(memory.region()).entries(); }, std::vector<Tally>(kAtOnce),
             [&](Counted &one, const Tally &tally) {
                 const auto key = keys.find(tally.owner);
                 one.key = key == keys.end() ? std::string() : key->second;
                 one.kind = static_cast<Party::Kind>(tally.kind);
                 one.images_day = tally.images_day;
                 one.images_before = tally.images_before;
             });
    return all;
}

KeyUse Ledger::use_of(const Account &key, Moment moment) {
    const Dated now(moment);
    KeyUse use;
    const MemoryLock lock(memory_);
    const TallyRegion region(memory_.region());
    if (const Tally *tally = tallies_of(region).find(key)) {
        for (size_t i = 0; i < use.used.size(); ++i) {
            use.used[i] = tally->used(kLimitRows[i], now);
        }
    }
    const BudgetTable budgets(budget_memory_);
    if (const BudgetRecord *record = budgets.find(key)) {
        for (size_t i = 0; i < kPeriods; ++i) {
            const int64_t number = now.numbers[i];
            use.spent[i] = record->before[i].used_in(number) + record->spent[i].used_in(number);
        }
    }
    return use;
}

std::optional<Ledger::EntryCount> Ledger::count_entries(size_t first, size_t count) {
    const MemoryLock lock(memory_);
    const std::span<Tally> entries = TallyRegion(memory_.region()).entries();
    if (first >= entries.size()) {
        return std::nullopt;
    }
    const auto some = entries.subspan(first, std::min(count, entries.size() - first));
    const auto used = std::count_if(some.begin(), some.end(),
                                    [](const Tally &one) { return one.account != Account{}; });
    return EntryCount{some.size(), static_cast<size_t>(used)};
}

uint64_t Ledger::budget_memory_id() {
    const MemoryLock lock(memory_);
    return BudgetRegion(budget_memory_).id();
}

std::vector<KeySpending> Ledger::sums_of(std::span<const Account> keys) {
    std::vector<KeySpending> sums(keys.size());
    for (KeySpending &one : sums) {
        one.key.reserve(BudgetRecord::kLongestKey);
    }
    const MemoryLock lock(memory_);
    const BudgetTable budgets(budget_memory_);
    for (size_t i = 0; i < keys.size(); ++i) {
        sums[i].account = keys[i];
        if (const BudgetRecord *record = budgets.find(keys[i])) {
            sums[i].key = record->key_id();
            std::copy_n(record->spent, kPeriods, sums[i].spent);
        }
    }
    return sums;
}

void Ledger::note_written(std::span<const KeySpending> sums) {
    const MemoryLock lock(memory_);
    const BudgetTable budgets(budget_memory_);
    for (const KeySpending &one : sums) {
        if (BudgetRecord *record = budgets.find(one.account)) {
            record->written =
                std::max(record->written, one.spent[static_cast<size_t>(Period::lifetime)].used);
        }
    }
}

// Records are never removed, and the first one that was ever written stays early in the list.
bool Ledger::has_written() {
    constexpr size_t kAtOnce = 512;
    for (size_t begin = 0, count = kAtOnce; count == kAtOnce; begin += count) {
        const MemoryLock lock(memory_);
        const BudgetTable budgets(budget_memory_);
        count = std::min(kAtOnce, budgets.size() - std::min(begin, budgets.size()));
        for (size_t i = begin; i < begin + count; ++i) {
            if (budgets.at(i).written > 0) {
                return true;
            }
        }
    }
    return false;
}

std::vector<Account> Ledger::unwritten() {
    constexpr size_t kAtOnce = 512;
    std::vector<Account> found;
    for (size_t begin = 0, count = kAtOnce; count == kAtOnce; begin += count) {
        found.reserve(found.size() + kAtOnce);
        const MemoryLock lock(memory_);
        const BudgetTable budgets(budget_memory_);
        count = std::min(kAtOnce, budgets.size() - std::min(begin, budgets.size()));
        for (size_t i = begin; i < begin + count; ++i) {
            const BudgetRecord &record = budgets.at(i);
            if (record.account != Account{} && record.in_all() != record.written) {
                found.push_back(record.account);
            }
        }
    }
    return found;
}

}  // namespace gateway
