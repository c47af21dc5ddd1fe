// What next after each outcome: the table of the design, all of it.
#include "core/routing/decide.h"

#include <gtest/gtest.h>

namespace gateway {
namespace {

struct Row {
    OutcomeType outcome;
    Next next;
    Next next_if_unknown_fails;
    bool may_be_billed;
};

constexpr Row kRows[] = {
    {OutcomeType::made, Next::answer, Next::answer, false},
    {OutcomeType::pending, Next::give_up, Next::give_up, false},
    {OutcomeType::refused_by_policy, Next::tell_caller, Next::tell_caller, false},
    {OutcomeType::callers_fault, Next::tell_caller, Next::tell_caller, false},
    {OutcomeType::our_credentials, Next::next_key, Next::next_key, false},
    {OutcomeType::out_of_quota, Next::next_key, Next::next_key, false},
    {OutcomeType::throttled, Next::next_key, Next::next_key, false},
    {OutcomeType::not_here, Next::next_candidate, Next::next_candidate, false},
    {OutcomeType::broken, Next::next_candidate, Next::next_candidate, false},
    {OutcomeType::unknown, Next::next_candidate, Next::give_up, true},
    {OutcomeType::too_late, Next::give_up, Next::give_up, true},
};

TEST(Decide, GoesByTheTypeOfTheOutcome) {
    for (const Row &row : kRows) {
        EXPECT_EQ(decide(row.outcome, AfterUnknown::fallback), row.next) << name_of(row.outcome);
        EXPECT_EQ(decide(row.outcome, AfterUnknown::fail), row.next_if_unknown_fails)
            << name_of(row.outcome);
        EXPECT_EQ(may_be_billed(row.outcome), row.may_be_billed) << name_of(row.outcome);
    }
}

TEST(Decide, NeverRepeatsWhatMayHaveBeenBilled) {
    for (const Row &row : kRows) {
        if (may_be_billed(row.outcome)) {
            for (const auto after : {AfterUnknown::fallback, AfterUnknown::fail}) {
                EXPECT_NE(decide(row.outcome, after), Next::next_key) << name_of(row.outcome);
            }
        }
    }
}

TEST(OutcomeNames, LeadThereAndBack) {
    for (const Row &row : kRows) {
        EXPECT_EQ(outcome_named(name_of(row.outcome)), row.outcome);
    }
    EXPECT_EQ(std::size(kRows), static_cast<size_t>(OutcomeType::too_late) + 1);
    EXPECT_FALSE(outcome_named(""));
    EXPECT_FALSE(outcome_named("success"));
    EXPECT_EQ(name_of(ImageFormat::webp), "webp");
    EXPECT_EQ(name_of(ImageFormat::unknown), "");
}

}  // namespace
}  // namespace gateway
