#include "core/routing/execution.h"

#include <algorithm>
#include <utility>

#include "core/random.h"
#include "core/routing/failure.h"

namespace gateway {

Execution::Execution(const Effort &effort, const Plan &plan, std::string_view model_asked,
                     Story &story)
    : effort_(effort),
      plan_(plan),
      model_asked_(model_asked),
      story_(story),
      began_(effort.ports.clock.now()),
      states_(plan.candidates.size()) {}

void Execution::start() {
    advance();
}

// Asks the next candidate that may be asked.
void Execution::advance() {
    for (; at_ < states_.size(); ++at_) {
        if (effort_.time_to_start() <= Milliseconds(0)) {
            break;
        }
        if (may_ask(at_) && start_round()) {
            return;
        }
    }
    if (effort_.time_left() > Milliseconds(0) && !wait_for_one()) {
        fail();
    }
}

// Whoever may have been billed for this request is not asked again, whatever the model.
bool Execution::may_ask(size_t index) const {
    const auto &billed = perhaps_billed_by_;
    return !states_[index].settled && std::find(billed.begin(), billed.end(),
                                                plan_.candidates[index].provider) == billed.end();
}

// True if something is on its way, or all has ended.
bool Execution::start_round() {
    State &state = states_[at_];
    auto prepared = story_.prepare(candidate());
    if (!prepared) {
        state.settled = true;
        if (!misfit_) {
            misfit_ = std::move(prepared.error());
        }
        return false;
    }
    if (const auto covered = story_.cover(candidate(), *prepared); !covered) {
        return stop_at(covered.error());
    }
    prepared_ = std::make_unique<Prepared>(std::move(*prepared));
    round_ = std::make_unique<Round>(effort_, candidate(), *prepared_,
                                     [this](RoundEnd end) { on_round_end(std::move(end)); });
    const auto hindered = round_->start();
    if (!hindered) {
        ++state.rounds;
        return true;
    }
    round_.reset();
    effort_.journal.skip(candidate(), *hindered->hindered);
    state.available = effort_.ports.clock.now() + hindered->hindered->wait;
    return false;
}

// The same answer as start_round.
bool Execution::stop_at(const Uncovered &uncovered) {
    if (!uncovered.only_here) {
        story_.on_failed(uncovered.error);
        return true;
    }
    const Milliseconds wait = std::chrono::seconds(uncovered.error.retry_after.value_or(1));
    effort_.journal.skip(candidate(), {Hindrance::model_limit, wait});
    states_[at_].available = effort_.ports.clock.now() + wait;
    states_[at_].settled = !uncovered.error.retry_after;  // then waiting does not help
    if (!limited_ || !limited_->retry_after) {
        limited_ = uncovered.error;
    }
    return false;
}

void Execution::on_round_end(RoundEnd end) {
    ended_ = std::move(round_);
    ended_prepared_ = std::move(prepared_);
    if (end.outcome.type == OutcomeType::made) {
        finish_made(std::move(end));
    } else {
        go_on_after(std::move(end));
    }
}

void Execution::finish_made(RoundEnd end) {
    story_.on_made(
        {&candidate(), std::move(ended_prepared_), std::move(end.made), std::move(end.missing)});
}

void Execution::go_on_after(RoundEnd end) {
    const Outcome &outcome = end.outcome;
    State &state = states_[at_];
    state.settled = true;
    // Whatever else there was: what may be billed decides about who may still be asked.
    const bool told = decide(outcome.type, effort_.choice, {}) == Next::tell_caller;
    const OutcomeType type = end.may_be_billed && !told ? OutcomeType::unknown : outcome.type;
    if (end.shown) {
        fail_shown(outcome);
        return;
    }
    switch (decide(type, effort_.choice, {})) {
        case Next::tell_caller: story_.on_failed(error_told_by_provider(outcome)); return;
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
        state.settled = false;
        state.available = effort_.ports.clock.now() + outcome.retry_after.value_or(Milliseconds(0));
    }
    ++at_;
    advance();
}

// All are done, or cannot be asked just now: one of these may be worth waiting for.
bool Execution::wait_for_one() {
    const Milliseconds now = effort_.ports.clock.now();
    constexpr Milliseconds kLeast{10};
    std::optional<Milliseconds> soonest;
    for (size_t i = 0; i < states_.size(); ++i) {
        const Milliseconds wait = std::max(kLeast, states_[i].available - now);
        const Milliseconds patience = began_ + plan_.candidates[i].provider->retry.within - now;
        if (may_ask(i) && wait <= patience && wait < effort_.time_to_start()) {
            soonest = std::min(soonest.value_or(wait), wait);
        }
    }
    if (!soonest) {
        return false;
    }
    // Not all at once, who wait for the same.
    const Milliseconds wait =
        random_time(*soonest, *soonest + *soonest / 4 + kLeast, effort_.ports.random);
    waiting_ = effort_.ports.loop.start_timer(wait, [this] {
        const auto timer = std::move(waiting_);
        at_ = 0;
        advance();
    });
    return true;
}

// Another model would make another picture than the one that the caller has seen begin.
void Execution::fail_shown(const Outcome &outcome) {
    const bool told = outcome.type == OutcomeType::refused_by_policy ||
                      outcome.type == OutcomeType::callers_fault;
    story_.on_failed(told ? error_told_by_provider(outcome)
                          : error_when_all_failed(effort_.journal, model_asked_));
}

bool Execution::all_settled() const {
    return std::all_of(states_.begin(), states_.end(),
                       [](const State &state) { return state.settled; });
}

void Execution::fail() {
    if (refusal_) {
        story_.on_failed(*refusal_);
    } else if (misfit_ && effort_.journal.is_empty()) {
        story_.on_failed(*misfit_);
    } else if (limited_ && effort_.journal.attempts().empty() &&
               (limited_->retry_after || all_settled())) {
        story_.on_failed(*limited_);
    } else {
        story_.on_failed(error_when_all_failed(effort_.journal, model_asked_));
    }
}

void Execution::expire() {
    waiting_.reset();
    if (round_ != nullptr) {
        RoundEnd end = round_->expire();
        ended_ = std::move(round_);
        ended_prepared_ = std::move(prepared_);
        if (end.outcome.type == OutcomeType::made) {
            finish_made(std::move(end));
            return;
        }
    }
    refusal_ ? story_.on_failed(*refusal_) : story_.on_too_late();
}

void Execution::hold(bool held) {
    if (round_ != nullptr) {
        round_->hold(held);
    }
}

void Execution::drop() noexcept {
    waiting_.reset();
    if (round_ != nullptr) {
        round_->drop();
        round_.reset();
    }
}

}  // namespace gateway
