// All that the ledger counts by calendar period, for a state file that has to be written anew.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/limits/calendar_count.h"
#include "core/limits/party.h"
#include "core/ports.h"

namespace gateway {

struct Counted {
    Party::Kind kind = Party::Kind::key;
    std::string key;  // the id
    Account account{};
    // Only for keys: counted in this memory, and before it was laid out.
    std::array<CalendarCount, kPeriods> spent{};
    std::array<CalendarCount, kPeriods> spent_before{};
    CalendarCount images_day;
    CalendarCount images_before;
};

// Holds the memory's lock for a few entries at a time.
std::vector<Counted> counted_in(SharedMemory &memory, std::span<std::byte> budgets);

}  // namespace gateway
