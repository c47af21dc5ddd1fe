#include "core/routing/round.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/routing/pause.h"

namespace gateway {

namespace {

// Calls of one request that may be in progress at the same time.
constexpr size_t kMaxAtOnce = 8;

// The rank of an outcome. Of several outcomes, the one with the lowest rank decides what is next.
int rank_of(OutcomeType type) {
    static constexpr std::array kByRank = {
        OutcomeType::made,      OutcomeType::callers_fault,   OutcomeType::refused_by_policy,
        OutcomeType::too_late,  OutcomeType::unknown,         OutcomeType::out_of_quota,
        OutcomeType::throttled, OutcomeType::our_credentials, OutcomeType::broken,
        OutcomeType::not_here,  OutcomeType::pending,
    };
    return static_cast<int>(std::find(kByRank.begin(), kByRank.end(), type) - kByRank.begin());
}

// After such an outcome, further calls to this candidate are of no use.
bool ends_all(OutcomeType type) {
    return type != OutcomeType::made && type != OutcomeType::broken && type != OutcomeType::unknown;
}

// Callers may request any model name. Names that neither the catalogue nor the configuration lists
// share one target for each row of the catalogue.
Target target_of(const Candidate &candidate, const ModelSpec &spec) {
    return candidate.configured ||
                   spec.lists(candidate.model, candidate.provider->dialect->ignores_case())
               ? candidate.provider->target(candidate.model)
               : candidate.provider->target_of_unlisted(spec.pattern);
}

}  // namespace

Round::Round(const AttemptContext &context, const Candidate &candidate, const Prepared &prepared,
             std::function<void(RoundEnd &&)> on_end)
    : context_(context), target_(target_of(candidate, *prepared.spec)), on_end_(std::move(on_end)) {
    for (size_t number = 0; number < prepared.calls.size(); ++number) {
        lanes_.push_back(std::make_unique<Lane>(context, candidate, target_, prepared, number,
                                                [this] { on_lane_end(); }));
    }
}

std::optional<RoundEnd> Round::start() {
    advance();
    return running() == 0 && hindered_ ? std::optional(take_end()) : std::nullopt;
}

std::optional<RoundEnd> Round::resume(const std::vector<TakenCall> &taken) {
    next_ = lanes_.size();
    for (const auto &lane : lanes_) {
        const auto call = std::find_if(taken.begin(), taken.end(), [&](const TakenCall &one) {
            return one.number == lane->number();
        });
        if (call == taken.end() || !lane->resume(*call)) {
            lane->lose();
        }
    }
    return running() == 0 ? std::optional(take_end()) : std::nullopt;
}

// Starts as many lanes as possible. A lane that cannot start waits until a running lane ends.
void Round::advance() {
    hindered_.reset();
    while (next_ < lanes_.size() && running() < kMaxAtOnce && may_start_more()) {
        hindered_ = lanes_[next_]->start();
        if (hindered_) {
            return;
        }
        ++next_;
    }
}

void Round::on_lane_end() {
    advance();
    end_if_all_have();
}

void Round::end_if_all_have() {
    if (running() == 0 && !wait_for_the_rest()) {
        const auto on_end = std::move(on_end_);
        on_end(take_end());
        return;
    }
    announce_images();
}

// Called while other calls are still in progress.
void Round::announce_images() {
    if (!context_.is_stream()) {
        return;
    }
    for (const auto &lane : lanes_) {
        lane->announce_images();
    }
}

// After a call of this model has made images, no other candidate makes the missing ones. So the
// round waits until throttled calls may start again. Without images it does not wait: the next
// candidate is tried first.
bool Round::wait_for_the_rest() {
    const bool any_made = std::any_of(lanes_.begin(), lanes_.end(), [](const auto &lane) {
        return lane->end() && lane->end()->type == OutcomeType::made;
    });
    std::optional<Milliseconds> soonest;
    for (const auto &lane : lanes_) {
        if (const auto wait = lane->may_start_again_in()) {
            soonest = std::min(soonest.value_or(*wait), *wait);
        }
    }
    if (!any_made || !soonest) {
        return false;
    }
    waiting_ = start_pause(context_, *soonest, [this] {
        const auto timer = std::move(waiting_);
        go_on();
    });
    return true;
}

void Round::go_on() {
    for (const auto &lane : lanes_) {
        if (lane->may_start_again_in() && lane->start_again()) {
            break;  // the reason holds for the other lanes, too
        }
    }
    advance();
    end_if_all_have();
}

size_t Round::running() const {
    return static_cast<size_t>(std::count_if(lanes_.begin(), lanes_.end(),
                                             [](const auto &lane) { return lane->running(); }));
}

bool Round::may_start_more() const {
    return std::none_of(lanes_.begin(), lanes_.end(), [](const auto &lane) {
        return lane->end() && ends_all(lane->end()->type);
    });
}

RoundEnd Round::take_end() {
    RoundEnd end;
    Lane *deciding = nullptr;
    Lane *failed = nullptr;
    size_t without = 0;
    end.made.reserve(lanes_.size());
    for (const auto &lane : lanes_) {
        end.shown = end.shown || lane->has_shown();
        if (!lane->end()) {
            ++without;
            continue;
        }
        const OutcomeType type = lane->end()->type;
        if (deciding == nullptr || rank_of(type) < rank_of(deciding->end()->type)) {
            deciding = lane.get();
        }
        if (type == OutcomeType::made) {
            lane->hand_over();
            ImageResult &result = lane->end()->result;
            end.made.push_back({&lane->share(), lane->number(), static_cast<ImageWords &&>(result),
                                result.usage, result.cost, result.left_out,
                                std::move(lane->end()->raw)});
            continue;
        }
        ++without;
        end.may_be_billed =
            end.may_be_billed || may_be_billed(type) || lane->may_be_billed_before();
        if (failed == nullptr || rank_of(type) < rank_of(failed->end()->type)) {
            failed = lane.get();
        }
    }
    if (deciding == nullptr) {
        end.hindered = hindered_.value_or(Hindered{});
        return end;
    }
    if (without > 0) {
        end.missing = std::to_string(without) + " of " + std::to_string(lanes_.size()) +
                      " calls made no image";
        if (failed != nullptr) {
            end.missing += ": " + std::string(name_of(failed->end()->type));
        }
    }
    end.outcome = std::move(*deciding->end());
    return end;
}

RoundEnd Round::expire() {
    waiting_.reset();
    for (const auto &lane : lanes_) {
        lane->expire();
    }
    return take_end();
}

void Round::leave_jobs() noexcept {
    waiting_.reset();
    for (const auto &lane : lanes_) {
        lane->leave_job();
    }
}

void Round::hold(bool held) {
    for (const auto &lane : lanes_) {
        lane->hold(held);
    }
}

void Round::drop() noexcept {
    waiting_.reset();
    for (const auto &lane : lanes_) {
        lane->drop();
    }
}

}  // namespace gateway
