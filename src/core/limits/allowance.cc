#include "core/limits/allowance.h"

namespace gateway {

namespace {

Exceeded rate_exceeded(const Party &party, int64_t limit, std::string_view counted,
                       int64_t retry_after) {
    Exceeded exceeded{Exceeded::What::rate, static_cast<int>(retry_after)};
    exceeded.limit = limit;
    exceeded.counted = counted;
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

tl::expected<void, Exceeded> may_spend(const Party &party, Tally &tally, MicroUsd more,
                                       const Dated &now) {
    if (party.budgets.empty()) {
        return {};
    }
    tally.roll(now);
    for (const Budget &budget : party.budgets) {
        const MicroUsd left =
            budget.usd - tally.spent[static_cast<size_t>(budget.per)].used - tally.reserved;
        if (left <= 0 || left < more) {
            return tl::unexpected(budget_exceeded(budget, left, more, now));
        }
    }
    return {};
}

}  // namespace

tl::expected<void, Exceeded> may_enter(const Party &party, Tally &tally, const Dated &now) {
    const Limits &limits = party.limits;
    if (limits.concurrent > 0 && tally.concurrent >= limits.concurrent) {
        return tl::unexpected(rate_exceeded(party, limits.concurrent, "concurrent requests", 1));
    }
    if (limits.requests_per_minute > 0 &&
        tally.requests.used(second_of(now)) >= limits.requests_per_minute) {
        return tl::unexpected(
            rate_exceeded(party, limits.requests_per_minute, "requests per minute",
                          tally.requests.wait_for(second_of(now), 1, limits.requests_per_minute)));
    }
    return may_spend(party, tally, 0, now);
}

tl::expected<void, Exceeded> may_reserve(const Party &party, Tally &tally, int64_t images,
                                         MicroUsd usd, const Dated &now) {
    const Limits &limits = party.limits;
    if (limits.images_per_minute > 0 &&
        tally.images.used(second_of(now)) + images > limits.images_per_minute) {
        return tl::unexpected(
            rate_exceeded(party, limits.images_per_minute, "images per minute",
                          tally.images.wait_for(second_of(now), images, limits.images_per_minute)));
    }
    if (limits.images_per_day > 0) {
        const int64_t today = now.number(Period::day);
        tally.images_day.roll(today);
        if (tally.images_day.used + images > limits.images_per_day) {
            return tl::unexpected(rate_exceeded(party, limits.images_per_day, "images per day",
                                                *end_of(Period::day, today) - now.unix_seconds));
        }
    }
    return usd == 0 ? tl::expected<void, Exceeded>() : may_spend(party, tally, usd, now);
}

}  // namespace gateway
