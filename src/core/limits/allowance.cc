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

// More than there may ever be: to wait is of no use.
Exceeded never_allowed(const Party &party, int64_t limit, std::string_view counted) {
    Exceeded exceeded = rate_exceeded(party, limit, counted, 0);
    exceeded.what = Exceeded::What::never;
    return exceeded;
}

constexpr std::string_view kImagesPerMinute = "images per minute";
constexpr std::string_view kImagesPerDay = "images per day";

}  // namespace

tl::expected<void, Exceeded> may_enter(const Party &party, const Tally &tally, const Dated &now) {
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
    return {};
}

tl::expected<void, Exceeded> may_ever_make(const Party &party, int64_t images) {
    const Limits &limits = party.limits;
    if (limits.images_per_minute > 0 && images > limits.images_per_minute) {
        return tl::unexpected(never_allowed(party, limits.images_per_minute, kImagesPerMinute));
    }
    if (limits.images_per_day > 0 && images > limits.images_per_day) {
        return tl::unexpected(never_allowed(party, limits.images_per_day, kImagesPerDay));
    }
    return {};
}

tl::expected<void, Exceeded> may_make(const Party &party, const Tally &tally, int64_t images,
                                      const Dated &now) {
    const Limits &limits = party.limits;
    if (limits.images_per_minute > 0 &&
        tally.images.used(second_of(now)) + images > limits.images_per_minute) {
        return tl::unexpected(
            rate_exceeded(party, limits.images_per_minute, kImagesPerMinute,
                          tally.images.wait_for(second_of(now), images, limits.images_per_minute)));
    }
    if (limits.images_per_day > 0) {
        const int64_t today = now.number(Period::day);
        if (tally.images_on(today) + images > limits.images_per_day) {
            return tl::unexpected(rate_exceeded(party, limits.images_per_day, kImagesPerDay,
                                                *end_of(Period::day, today) - now.unix_seconds));
        }
    }
    return {};
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
