// What a request may use and spend: its claim on limits and budgets, its cost so far, and the rule
// for models without a price.
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

// Why the limits or budgets do not allow these images.
struct Uncovered {
    ApiError error;
    bool only_here = false;  // another model may be allowed to make them
};

class Funds {
 public:
    using Entered = tl::expected<void, ApiError>;
    using Covered = tl::expected<void, Uncovered>;

    // The caller must outlive the funds.
    Funds(Accounts &accounts, const Caller &caller) : claim_(accounts), caller_(caller) {}

    // See Claim.
    void set_owner(CallbackOwner *owner) { claim_.set_owner(owner); }

    // Each of these three functions calls `then` exactly once, perhaps before it returns.

    // Step 2: counts one request.
    void enter(const std::vector<Party> &parties, Milliseconds longest,
               std::function<void(Entered)> then);
    // The same for a request that waits; see Claim.
    void enter_waiting(const std::vector<Party> &parties, Milliseconds longest,
                       std::function<void(Entered)> then);
    [[nodiscard]] bool lets_wait() const { return claim_.lets_wait(); }
    void step_back() noexcept { claim_.step_back(); }
    [[nodiscard]] Entered admit();
    // Step 6: reserves the images and the highest cost of any candidate, so that a request that
    // begins is not stopped later for lack of money.
    void reserve(int64_t images, Plan &plan, const Preparation &preparation,
                 std::function<void(Entered)> then);
    // Before a candidate is tried: reserves its images in addition to the lost images.
    void cover(const Candidate &candidate, const Prepared &prepared, int64_t images_lost,
               std::function<void(Covered)> then);
    void drop_question() noexcept { claim_.drop_question(); }

    [[nodiscard]] bool has_entered() const { return claim_.has_entered(); }
    // Refuses a model without a price if the key has a budget and may not use unpriced models.
    [[nodiscard]] Entered check_price(const Candidate &candidate, const Prepared &prepared) const;

    // Records the images that were made and their cost. The cost of `others` is not known.
    void pay(int64_t images, std::optional<MicroUsd> cost, int64_t others = 0) {
        expense_.make(images, cost, others);
    }
    [[nodiscard]] MicroUsd spent(const History &history) const {
        return claim_.is_spent() ? 0 : expense_.total(history);
    }
    // Ends the claim and gives back what was not used.
    std::vector<UsageRecord::DayCount> settle(int64_t images, int64_t images_lost,
                                              MicroUsd spent) noexcept {
        return claim_.settle(images, images_lost, spent);
    }

    [[nodiscard]] const Quotas &quotas() const { return claim_.quotas(); }

    // For a making that another process may go on with; see Claim and Expense.
    [[nodiscard]] ClaimState hand_on() { return claim_.hand_on(); }
    void adopt(ClaimState state, Milliseconds longest) { claim_.adopt(std::move(state), longest); }
    void leave() noexcept { claim_.leave(); }
    [[nodiscard]] Expense::Before expense_before() const { return expense_.before(); }
    void resume(const Prepared &prepared, const Expense::Before &before) {
        expense_.resume(prepared, before);
    }

 private:
    void cover_models();

    Claim claim_;
    Expense expense_;
    const Caller &caller_;
    // The question that is not answered yet:
    std::function<void(Entered)> then_;
    std::function<void(Covered)> then_covered_;
    const Candidate *candidate_ = nullptr;
    int64_t images_ = 0;
    int64_t images_lost_ = 0;
};

}  // namespace gateway
