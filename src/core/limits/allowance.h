// Whether a party may have more, by its limits and budgets and what it has used.
#pragma once

#include <cstdint>
#include <tl/expected.hpp>

#include "core/limits/budget_record.h"
#include "core/limits/exceeded.h"
#include "core/limits/tally.h"

namespace gateway {

// One request more.
tl::expected<void, Exceeded> may_enter(const Party &party, const Tally &tally, const Dated &now);
// So many images at once, if nothing were used.
tl::expected<void, Exceeded> may_ever_make(const Party &party, int64_t images);
// So many images.
tl::expected<void, Exceeded> may_make(const Party &party, const Tally &tally, int64_t images,
                                      const Dated &now);
// So much money; of nothing, whether there is any left.
tl::expected<void, Exceeded> may_spend(const Party &party, const BudgetRecord &record, MicroUsd usd,
                                       const Dated &now);

}  // namespace gateway
