// What follows each outcome: the complete table.
#include "core/routing/decide.h"

#include <gtest/gtest.h>

namespace gateway {
namespace {

using T = OutcomeType;

constexpr RouteChoice kUsual;
constexpr RouteChoice kStopAfterUnknown{AfterUnknown::fail, AfterRefusal::fail};
constexpr RouteChoice kGoOnAfterRefusal{AfterUnknown::fallback, AfterRefusal::fallback};

struct Row {
    T outcome;
    Next with_nothing_left;
    Next with_retries;
    Next with_other_keys;
    bool may_be_billed;
};

constexpr Row kRows[] = {
    {T::made, Next::answer, Next::answer, Next::answer, false},
    {T::pending, Next::give_up, Next::give_up, Next::give_up, false},
    {T::refused_by_policy, Next::tell_caller, Next::tell_caller, Next::tell_caller, false},
    {T::callers_fault, Next::tell_caller, Next::tell_caller, Next::tell_caller, false},
    {T::our_credentials, Next::next_candidate, Next::next_candidate, Next::next_key, false},
    {T::out_of_quota, Next::next_candidate, Next::next_candidate, Next::next_key, false},
    {T::throttled, Next::next_candidate, Next::next_candidate, Next::next_key, false},
    {T::not_here, Next::next_candidate, Next::next_candidate, Next::next_candidate, false},
    {T::broken, Next::next_candidate, Next::same_again, Next::next_candidate, false},
    {T::unknown, Next::next_candidate, Next::next_candidate, Next::next_candidate, true},
    {T::too_late, Next::give_up, Next::give_up, Next::give_up, true},
};

TEST(Decide, GoesByTheTypeOfTheOutcomeAndWhatIsLeft) {
    for (const Row &row : kRows) {
        SCOPED_TRACE(name_of(row.outcome));
        EXPECT_EQ(decide(row.outcome, kUsual, {}), row.with_nothing_left);
        EXPECT_EQ(decide(row.outcome, kUsual, {.again = true}), row.with_retries);
        EXPECT_EQ(decide(row.outcome, kUsual, {.other_key = true}), row.with_other_keys);
        EXPECT_EQ(may_be_billed(row.outcome), row.may_be_billed);
    }
}

TEST(Decide, LetsTheAliasChooseAfterUnknownAndAfterARefusal) {
    for (const Row &row : kRows) {
        SCOPED_TRACE(name_of(row.outcome));
        EXPECT_EQ(decide(row.outcome, kStopAfterUnknown, {}),
                  row.outcome == T::unknown ? Next::give_up : row.with_nothing_left);
        EXPECT_EQ(decide(row.outcome, kGoOnAfterRefusal, {}), row.outcome == T::refused_by_policy
                                                                  ? Next::next_candidate
                                                                  : row.with_nothing_left);
    }
}

TEST(Decide, NeverRepeatsWhatMayHaveBeenBilledWithoutAnIdempotencyKey) {
    for (const Row &row : kRows) {
        if (!may_be_billed(row.outcome)) {
            continue;
        }
        for (const RouteChoice choice : {kUsual, kStopAfterUnknown, kGoOnAfterRefusal}) {
            const Next next = decide(row.outcome, choice, {.again = true, .other_key = true});
            EXPECT_NE(next, Next::same_again) << name_of(row.outcome);
            EXPECT_NE(next, Next::next_key) << name_of(row.outcome);
        }
    }
    const RetryOptions idempotent{.again = true, .takes_idempotency = true};
    EXPECT_EQ(decide(T::unknown, kUsual, idempotent), Next::same_again);
    EXPECT_EQ(decide(T::unknown, kStopAfterUnknown, idempotent), Next::same_again);
    EXPECT_EQ(decide(T::unknown, kUsual, {.takes_idempotency = true}), Next::next_candidate);
    EXPECT_EQ(decide(T::too_late, kUsual, idempotent), Next::give_up);
}

TEST(OutcomeNames, LeadThereAndBack) {
    for (const Row &row : kRows) {
        EXPECT_EQ(outcome_named(name_of(row.outcome)), row.outcome);
    }
    EXPECT_EQ(std::size(kRows), static_cast<size_t>(T::too_late) + 1);
    EXPECT_FALSE(outcome_named(""));
    EXPECT_FALSE(outcome_named("success"));
    EXPECT_EQ(name_of(ImageFormat::webp), "webp");
    EXPECT_EQ(name_of(ImageFormat::unknown), "");
}

}  // namespace
}  // namespace gateway
