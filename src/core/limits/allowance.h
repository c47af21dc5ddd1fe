// Whether a party may have more, by its limits and budgets and what it has used.
#pragma once

#include <cstdint>
#include <tl/expected.hpp>

#include "core/limits/exceeded.h"
#include "core/limits/tally.h"

namespace gateway {

// One request more.
tl::expected<void, Exceeded> may_enter(const Party &party, Tally &tally, const Dated &now);
// So many images, and so much money.
tl::expected<void, Exceeded> may_reserve(const Party &party, Tally &tally, int64_t images,
                                         MicroUsd usd, const Dated &now);

}  // namespace gateway
