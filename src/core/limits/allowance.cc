#include "core/limits/allowance.h"

namespace gateway {

namespace {

Exceeded rate_exceeded(const Party &party, const LimitRow &limit, int64_t retry_after) {
    Exceeded exceeded{Exceeded::What::rate, static_cast<int>(retry_after)};
    exceeded.limit = party.limits.*limit.value;
    exceeded.counted = limit.text;
    exceeded.kind = party.kind;
    exceeded.name = party.name;
    return exceeded;
}

Exceeded budget_exceeded(const Budget &budget, MicroUsd left, MicroUsd wanted, const Dated &now) {
    Exceeded exceeded{Exceeded::What::budget, 0};
    exceeded.budget = budget;
    exceeded.left = left;
    exceeded.wanted = wanted;
    exceeded.unix_seconds = now.unix_seconds;
    return exceeded;
}

// One request asks for more than the limit itself: waiting does not help.
Exceeded never_allowed(const Party &party, const LimitRow &limit) {
    Exceeded exceeded = rate_exceeded(party, limit, 0);
    exceeded.what = Exceeded::What::never;
    return exceeded;
}

[[gnu::always_inline]] inline tl::expected<void, Exceeded> may_use(const Party &party,
                                                                   const Tally &tally,
                                                                   LimitUnit unit, int64_t count,
                                                                   const Dated &now) {
#pragma GCC unroll 8
    for (const LimitRow &limit : kLimitRows) {
        const int64_t max = party.limits.*limit.value;
        if (limit.unit == unit && max > 0 && tally.used(limit, now) + count > max) {
            return tl::unexpected(
                rate_exceeded(party, limit, tally.wait_for(limit, count, max, now)));
        }
    }
    return {};
}

}  // namespace

tl::expected<void, Exceeded> may_enter(const Party &party, const Tally &tally, const Dated &now) {
    return may_use(party, tally, LimitUnit::requests, 1, now);
}

tl::expected<void, Exceeded> may_wait(const Party &party, const Tally &tally, const Dated &now) {
    Party without = party;
    without.limits.concurrent = 0;
    return may_enter(without, tally, now);
}

tl::expected<void, Exceeded> may_begin(const Party &party, const Tally &tally, const Dated &now) {
    Party only = party;
    only.limits = {.concurrent = party.limits.concurrent};
    return may_enter(only, tally, now);
}

tl::expected<void, Exceeded> may_ever_make(const Party &party, int64_t images) {
#pragma GCC unroll 8
    for (const LimitRow &limit : kLimitRows) {
        const int64_t max = party.limits.*limit.value;
        if (limit.unit == LimitUnit::images && max > 0 && images > max) {
            return tl::unexpected(never_allowed(party, limit));
        }
    }
    return {};
}

tl::expected<void, Exceeded> may_make(const Party &party, const Tally &tally, int64_t images,
                                      const Dated &now) {
    return may_use(party, tally, LimitUnit::images, images, now);
}

tl::expected<void, Exceeded> may_spend(const Party &party, const BudgetRecord &record, MicroUsd usd,
                                       const Dated &now) {
    for (const Budget &budget : party.budgets) {
        const MicroUsd left = record.left(budget, now);
        if (left <= 0 || left < usd) {
            return tl::unexpected(budget_exceeded(budget, left, usd, now));
        }
    }
    return {};
}

}  // namespace gateway
