// Checks a party's limits and budgets against what it has used.
#pragma once

#include <cstdint>
#include <tl/expected.hpp>

#include "core/limits/budget_record.h"
#include "core/limits/exceeded.h"
#include "core/limits/tally.h"

namespace gateway {

// For one request more.
tl::expected<void, Exceeded> may_enter(const Party &party, const Tally &tally, const Dated &now);
// The same in two steps: for a request that waits, without its place under `concurrent`; and for
// that place.
tl::expected<void, Exceeded> may_wait(const Party &party, const Tally &tally, const Dated &now);
tl::expected<void, Exceeded> may_begin(const Party &party, const Tally &tally, const Dated &now);
// For so many images at once, as if nothing were used yet.
tl::expected<void, Exceeded> may_ever_make(const Party &party, int64_t images);
// For so many images.
tl::expected<void, Exceeded> may_make(const Party &party, const Tally &tally, int64_t images,
                                      const Dated &now);
// For so much money; with 0, whether any is left.
tl::expected<void, Exceeded> may_spend(const Party &party, const BudgetRecord &record, MicroUsd usd,
                                       const Dated &now);

}  // namespace gateway
