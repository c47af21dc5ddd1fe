// What one key of a keys.json has spent, in memory that all workers share, also those of another
// configuration or binary. A record never passes to another key. Plain data; a new one is all zero.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/limits/account.h"
#include "core/limits/budget.h"
#include "core/limits/calendar_count.h"
#include "core/limits/region.h"

namespace gateway {

struct BudgetRecord {
    static constexpr size_t kLongestKey = 64;

    Account account{};           // all zero: free
    char key[kLongestKey] = {};  // the key's id, for the state file
    uint8_t key_size = 0;
    uint32_t listed = 0;            // the place of the record that was added as this place's number
    MicroUsd reserved = 0;          // the sum of what its leases hold
    MicroUsd written = 0;           // how much of its lifetime's sum is in the state file
    CalendarCount spent[kPeriods];  // counted in this memory
    CalendarCount before[kPeriods];  // counted elsewhere: before this memory was laid out

    [[nodiscard]] std::string_view key_id() const { return {key, key_size}; }
    [[nodiscard]] MicroUsd left(const Budget &budget, const Dated &now) const {
        const auto period = static_cast<size_t>(budget.per);
        const int64_t number = now.number(budget.per);
        return budget.usd - before[period].used_in(number) - spent[period].used_in(number) -
               reserved;
    }
    void spend(MicroUsd usd, const Dated &now) {
        for (size_t i = 0; i < kPeriods; ++i) {
            spent[i].add(now.numbers[i], usd);
        }
    }
    // The lifetime's sum, as counted in this memory.
    [[nodiscard]] MicroUsd in_all() const {
        return spent[static_cast<size_t>(Period::lifetime)].used;
    }
};

// The number is the layout's version.
using BudgetRegion = Region<BudgetRecord, 0x3173657372757031, 8, 1>;

class BudgetTable {
 public:
    explicit BudgetTable(std::span<std::byte> region) : region_(region) {}

    [[nodiscard]] BudgetRecord *find(const Account &account) const;
    // Null when there is no room.
    BudgetRecord *find_or_add(const Account &account, std::string_view key);
    // In the order in which they were added.
    [[nodiscard]] size_t size() const { return region_.counter(); }
    [[nodiscard]] const BudgetRecord &at(size_t number) const {
        return region_.entries()[region_.entries()[number].listed];
    }
    // The number of keys that certainly find a place.
    [[nodiscard]] static size_t capacity(size_t region_size) {
        return BudgetRegion::entries_in(region_size) / 4 * 3;
    }

    BudgetRegion &region() { return region_; }

 private:
    [[nodiscard]] BudgetRecord *place_of(const Account &account) const;

    BudgetRegion region_;
};

}  // namespace gateway
