// The part of the shared memory where the tallies are.
#pragma once

#include <cstdint>

#include "core/limits/region.h"
#include "core/limits/set_table.h"
#include "core/limits/tally.h"

namespace gateway {

// The number is the layout's version.
using TallyRegion = Region<Tally, 0x3576726465676c31, 8, 1>;

// The note of a region of which the past was restored. Else: 0, or the process that restores.
inline constexpr int32_t kRestored = -1;

inline SetTable<Tally> tallies_of(const TallyRegion &region) {
    return {region.entries(), region.id()};
}

}  // namespace gateway
