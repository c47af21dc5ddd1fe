// What a request may use and spend: its claim on limits and budgets, what it has cost so far, and
// the rule for models without a price.
#pragma once

#include <cstdint>
#include <functional>
#include <tl/expected.hpp>
#include <vector>

#include "core/access/identify.h"
#include "core/api_error.h"
#include "core/limits/claim.h"
#include "core/routing/expense.h"
#include "core/routing/plan.h"

namespace gateway {

// Why these images may not be made.
struct Uncovered {
    ApiError error;
    bool only_here = false;  // another model may make them
};

class Funds {
 public:
    using Entered = tl::expected<void, ApiError>;
    using Covered = tl::expected<void, Uncovered>;

    // The caller outlives the funds.
    Funds(Accounts &accounts, const Caller &caller) : claim_(accounts), caller_(caller) {}

    // Each of these three calls `then` exactly once, perhaps from within.

    // Step 2: one request more.
    void enter(const std::vector<Party> &parties, Milliseconds longest,
               std::function<void(Entered)> then);
    // Step 6: so many images, and the most that any of the candidates can cost: who begins can
    // finish.
    void reserve(int64_t images, Plan &plan, const Preparation &preparation,
                 std::function<void(Entered)> then);
    // Before a candidate is asked: its images on top of those that may have been made before.
    void cover(const Candidate &candidate, const Prepared &prepared, int64_t images_lost,
               std::function<void(Covered)> then);
    void drop_question() noexcept { claim_.drop_question(); }

    [[nodiscard]] bool has_entered() const { return claim_.has_entered(); }
    // Whether a model of unknown price may be asked.
    [[nodiscard]] Entered check_price(const Candidate &candidate, const Prepared &prepared) const;

    // So many images were made, for this; and others, of which no cost is known.
    void pay(int64_t images, std::optional<MicroUsd> cost, int64_t others = 0) {
        expense_.make(images, cost, others);
    }
    [[nodiscard]] MicroUsd spent(const History &history) const { return expense_.total(history); }
    // The end: what is not used goes back.
    std::vector<UsageRecord::DayCount> settle(int64_t images, int64_t images_lost,
                                              MicroUsd spent) noexcept {
        return claim_.settle(images, images_lost, spent);
    }

    [[nodiscard]] const Quotas &quotas() const { return claim_.quotas(); }

 private:
    void cover_models();

    Claim claim_;
    Expense expense_;
    const Caller &caller_;
    // Of the question that is open:
    std::function<void(Entered)> then_;
    std::function<void(Covered)> then_covered_;
    const Candidate *candidate_ = nullptr;
    int64_t images_ = 0;
    int64_t images_lost_ = 0;
};

}  // namespace gateway
