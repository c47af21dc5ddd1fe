#include "core/routing/funds.h"

#include <algorithm>
#include <utility>

#include "core/access/parties.h"
#include "core/routing/failure.h"

namespace gateway {

namespace {

Funds::Entered as_error(const tl::expected<void, Exceeded> &answer) {
    return answer ? Funds::Entered() : tl::unexpected(error_exceeded(answer.error()));
}

}  // namespace

void Funds::enter(const std::vector<Party> &parties, Milliseconds longest,
                  std::function<void(Entered)> then) {
    then_ = std::move(then);
    claim_.enter(parties, longest, [this](const tl::expected<void, Exceeded> &entered) {
        std::exchange(then_, nullptr)(as_error(entered));
    });
}

void Funds::enter_waiting(const std::vector<Party> &parties, Milliseconds longest,
                          std::function<void(Entered)> then) {
    then_ = std::move(then);
    claim_.enter_waiting(parties, longest, [this](const tl::expected<void, Exceeded> &entered) {
        std::exchange(then_, nullptr)(as_error(entered));
    });
}

Funds::Entered Funds::admit() {
    return as_error(claim_.admit());
}

void Funds::reserve(int64_t images, Plan &plan, const Preparation &preparation,
                    std::function<void(Entered)> then) {
    MicroUsd max = 0;
    for (size_t i = 0; claim_.has_budget() && i < plan.candidates.size(); ++i) {
        const auto &prepared = plan.prepared(i, preparation);
        if (prepared && check_price(plan.candidates[i], *prepared)) {
            max = std::max(max, prepared->max_cost().value_or(0));
        }
    }
    then_ = std::move(then);
    claim_.cover(images, max, [this](const tl::expected<void, Exceeded> &covered) {
        std::exchange(then_, nullptr)(as_error(covered));
    });
}

Funds::Entered Funds::check_price(const Candidate &candidate, const Prepared &prepared) const {
    const bool must_be_priced = claim_.has_budget() && !caller_.key->may_use_unpriced;
    if (must_be_priced && !prepared.max_cost()) {
        return tl::unexpected(
            ApiError::of(403, "unpriced_model",
                         "This key has a budget, and the catalogue has no price for "
                         "the model '" +
                             candidate.name() + "'.",
                         "model"));
    }
    return {};
}

void Funds::cover(const Candidate &candidate, const Prepared &prepared, int64_t images_lost,
                  std::function<void(Covered)> then) {
    then_covered_ = std::move(then);
    candidate_ = &candidate;
    images_ = prepared.images();
    images_lost_ = images_lost;
    expense_.ask(prepared, images_lost);
    claim_.cover(images_lost + images_, claim_.has_budget() ? expense_.most(images_lost) : 0,
                 [this](const tl::expected<void, Exceeded> &covered) {
                     if (covered) {
                         cover_models();
                         return;
                     }
                     std::exchange(then_covered_, nullptr)(
                         tl::unexpected(Uncovered{error_exceeded(covered.error()), false}));
                 });
}

void Funds::cover_models() {
    claim_.cover_models(
        model_parties_of(caller_, candidate_->name()), images_, images_lost_,
        [this](const tl::expected<void, Exceeded> &covered) {
            std::exchange(then_covered_, nullptr)(
                covered ? Covered()
                        : tl::unexpected(Uncovered{error_exceeded(covered.error()), true}));
        });
}

}  // namespace gateway
