#include "core/routing/execution.h"

#include <algorithm>
#include <utility>

#include "core/bytes/held_memory.h"
#include "core/random.h"
#include "core/routing/failure.h"
#include "core/routing/pause.h"

namespace gateway {

Execution::Execution(const AttemptContext &context, Plan &plan, const Preparation &preparation,
                     Funds &funds, std::function<void(ExecutionEnd)> on_end)
    : context_(context),
      plan_(plan),
      preparation_(preparation),
      funds_(funds),
      on_end_(std::move(on_end)),
      began_(context.ports.clock.now()),
      states_(plan.candidates.size()) {}

void Execution::start() {
    began_ = context_.ports.clock.now();
    advance();
}

void Execution::resume(const std::vector<TakenCall> &taken) {
    states_.front().rounds = candidate().provider->retry.attempts;  // no other round may begin
    context_.tray.begin(candidate(), prepared());
    round_ = std::make_unique<Round>(context_, candidate(), prepared(),
                                     [this](RoundEnd &&end) { on_round_end(std::move(end)); });
    if (auto end = round_->resume(taken)) {
        on_round_end(std::move(*end));
    }
}

void Execution::leave_jobs() noexcept {
    waiting_.reset();
    funds_.drop_question();
    if (round_ != nullptr) {
        round_->leave_jobs();
        round_.reset();
    }
}

// Tries the next candidate that may be tried.
void Execution::advance() {
    for (; at_ < states_.size(); ++at_) {
        if (context_.time_to_start() <= Milliseconds(0)) {
            break;
        }
        if (may_ask(at_) && try_candidate()) {
            return;
        }
    }
    if (context_.time_left() > Milliseconds(0) && !wait_for_one()) {
        fail();
    }
}

// A provider that may have billed this request is not called again, not even for another model.
bool Execution::may_ask(size_t index) const {
    const auto &billed = perhaps_billed_by_;
    const Candidate &candidate = plan_.candidates[index];
    return !states_[index].finished &&
           std::find(billed.begin(), billed.end(), candidate.provider) == billed.end() &&
           plan_.before.may_ask(candidate, context_.choice.after_unknown);
}

// Returns true if a round or a question to the funds is in progress, or if the execution has ended.
bool Execution::try_candidate() {
    const auto &prepared = plan_.prepared(at_, preparation_);
    const auto suits =
        prepared ? funds_.check_price(candidate(), *prepared) : tl::unexpected(prepared.error());
    if (!suits) {
        states_[at_].finished = true;
        if (!misfit_) {
            misfit_ = suits.error();
        }
        return false;
    }
    if (!context_.memory->may_begin() && !context_.is_patient) {
        end(tl::unexpected(error_memory_held()));
        return true;
    }
    covering_ = true;
    going_ = true;
    funds_.cover(candidate(), *prepared, context_.history.images_lost(),
                 [this](const Funds::Covered &covered) {
                     const bool at_once = covering_;
                     const bool going = on_covered(covered);
                     if (at_once) {
                         going_ = going;
                     } else if (!going) {
                         ++at_;
                         advance();
                     }
                 });
    covering_ = false;
    return *going_;
}

// Returns the same as try_candidate().
bool Execution::on_covered(const Funds::Covered &covered) {
    if (!covered) {
        return pass_over(covered.error());
    }
    State &state = states_[at_];
    context_.tray.begin(candidate(), prepared());
    round_ = std::make_unique<Round>(context_, candidate(), prepared(),
                                     [this](RoundEnd &&end) { on_round_end(std::move(end)); });
    const auto hindered = round_->start();
    if (!hindered) {
        ++state.rounds;
        return true;
    }
    round_.reset();
    const Milliseconds now = context_.ports.clock.now();
    context_.history.skip(candidate(), *hindered->hindered, now);
    state.available = now + hindered->hindered->wait;
    const Hindrance by = hindered->hindered->by;
    state.is_busy = by == Hindrance::busy || by == Hindrance::memory;
    return false;
}

// Returns the same as try_candidate().
bool Execution::pass_over(const Uncovered &uncovered) {
    if (!uncovered.only_here) {
        end(tl::unexpected(uncovered.error));
        return true;
    }
    const Milliseconds wait = std::chrono::seconds(uncovered.error.retry_after.value_or(1));
    const Milliseconds now = context_.ports.clock.now();
    context_.history.skip(candidate(), {Hindrance::model_limit, wait}, now);
    states_[at_].available = now + wait;
    states_[at_].is_busy = uncovered.error.limited.limit == "concurrent";
    states_[at_].finished = !uncovered.error.retry_after;  // without a time, waiting does not help
    if (!limited_ || !limited_->retry_after) {
        limited_ = uncovered.error;
    }
    return false;
}

void Execution::on_round_end(RoundEnd &&end) {
    ended_ = std::move(round_);
    if (end.outcome.type == OutcomeType::made) {
        end_made(std::move(end));
    } else {
        go_on_after(end);
    }
}

void Execution::go_on_after(const RoundEnd &end) {
    const Outcome &outcome = end.outcome;
    State &state = states_[at_];
    state.finished = true;
    // If any call of the round may be billed, the round counts as unknown: this decides which
    // candidates may still be tried.
    const bool told = decide(outcome.type, context_.choice, {}) == Next::tell_caller;
    const OutcomeType type = end.may_be_billed && !told ? OutcomeType::unknown : outcome.type;
    if (end.shown) {
        fail_shown(outcome);
        return;
    }
    switch (decide(type, context_.choice, {})) {
        case Next::tell_caller: this->end(tl::unexpected(error_told_by_provider(outcome))); return;
        case Next::give_up: fail(); return;
        default: break;
    }
    if (outcome.type == OutcomeType::refused_by_policy && !refusal_) {
        refusal_ = error_told_by_provider(outcome);
    }
    if (end.may_be_billed) {
        perhaps_billed_by_.push_back(candidate().provider);
    }
    const bool rests = outcome.type == OutcomeType::throttled;
    if (rests && state.rounds < candidate().provider->retry.attempts) {
        state.finished = false;
        state.available =
            context_.ports.clock.now() + outcome.retry_after.value_or(Milliseconds(0));
    }
    ++at_;
    advance();
}

// Called when no candidate can be tried now. Waits for the candidate that is available soonest, if
// the retry rules and the deadline allow it.
bool Execution::wait_for_one() {
    const Milliseconds now = context_.ports.clock.now();
    constexpr Milliseconds kMin{10};
    std::optional<Milliseconds> soonest;
    for (size_t i = 0; i < states_.size(); ++i) {
        const Milliseconds wait = std::max(kMin, states_[i].available - now);
        const Milliseconds patience =
            context_.is_patient && states_[i].is_busy
                ? context_.time_left()
                : began_ + plan_.candidates[i].provider->retry.within - now;
        if (may_ask(i) && wait <= patience && wait < context_.time_to_start()) {
            soonest = std::min(soonest.value_or(wait), wait);
        }
    }
    if (!soonest) {
        return false;
    }
    // A random delay, so that requests that wait for the same candidate do not all start at once.
    const Milliseconds wait =
        random_time(*soonest, *soonest + *soonest / 4 + kMin, context_.ports.random);
    waiting_ = start_pause(context_, wait, [this] {
        const auto timer = std::move(waiting_);
        at_ = 0;
        advance();
    });
    return true;
}

// ---- the end

void Execution::end(ExecutionEnd end) {
    const auto on_end = std::exchange(on_end_, nullptr);
    on_end(std::move(end));
}

void Execution::end_made(RoundEnd &&end) {
    this->end(Made{&candidate(), &prepared(), std::move(end.made), std::move(end.missing)});
}

// No other candidate is tried: its image would differ from the one that the caller has seen begin.
void Execution::fail_shown(const Outcome &outcome) {
    const bool told = outcome.type == OutcomeType::refused_by_policy ||
                      outcome.type == OutcomeType::callers_fault;
    end(tl::unexpected(told ? error_told_by_provider(outcome)
                            : error_when_all_failed(context_.history, context_.requested_model,
                                                    context_.ports.clock.now())));
}

bool Execution::all_finished() const {
    return std::all_of(states_.begin(), states_.end(),
                       [](const State &state) { return state.finished; });
}

void Execution::fail() {
    if (refusal_) {
        end(tl::unexpected(*refusal_));
    } else if (misfit_ && context_.history.is_empty()) {
        end(tl::unexpected(*misfit_));
    } else if (limited_ && context_.history.attempts().empty() &&
               (limited_->retry_after || all_finished())) {
        end(tl::unexpected(*limited_));
    } else {
        end(tl::unexpected(error_when_all_failed(context_.history, context_.requested_model,
                                                 context_.ports.clock.now())));
    }
}

void Execution::expire() {
    waiting_.reset();
    funds_.drop_question();
    if (round_ != nullptr) {
        RoundEnd end = round_->expire();
        ended_ = std::move(round_);
        if (end.outcome.type == OutcomeType::made) {
            end_made(std::move(end));
            return;
        }
    }
    end(tl::unexpected(
        refusal_ ? *refusal_
                 : error_too_late(context_.allowed, context_.history.may_still_be_working())));
}

void Execution::hold(bool held) {
    if (round_ != nullptr) {
        round_->hold(held);
    }
}

void Execution::drop() noexcept {
    waiting_.reset();
    funds_.drop_question();
    if (round_ != nullptr) {
        round_->drop();
        round_.reset();
    }
}

}  // namespace gateway
