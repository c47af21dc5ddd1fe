// The part of the shared memory where the tallies are.
#pragma once

#include "core/limits/region.h"
#include "core/limits/set_table.h"
#include "core/limits/tally.h"

namespace gateway {

// The number is the layout's version.
using TallyRegion = Region<Tally, 0x3576726465676c31, 8, 1>;

inline SetTable<Tally> tallies_of(const TallyRegion &region) {
    return {region.entries(), region.id()};
}

}  // namespace gateway
