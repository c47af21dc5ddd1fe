#include "core/limits/claim.h"

#include <algorithm>
#include <utility>

namespace gateway {

namespace {

// A worker gives its leases back, or another worker finds that it is dead. The lease's deadline is
// for a process number that is in use again.
constexpr Milliseconds kGrace{3'600'000};

bool same_parties(const std::vector<PartyShare> &shares, const std::vector<Party> &parties) {
    return std::equal(shares.begin(), shares.end(), parties.begin(), parties.end(),
                      [](const PartyShare &share, const Party &party) {
                          return share.party.account == party.account;
                      });
}

// Reserves memory in advance, so that settling does not allocate.
void make_room(const std::vector<PartyShare> &shares, std::vector<UsageRecord::DayCount> &counts) {
    const auto limited = std::count_if(shares.begin(), shares.end(), [](const PartyShare &share) {
        return share.party.limits.images_per_day > 0;
    });
    if (limited > 0) {
        counts.reserve(counts.capacity() + static_cast<size_t>(limited));
    }
}

void count_days(const std::vector<PartyShare> &shares, int64_t images,
                std::vector<UsageRecord::DayCount> &counts) {
    for (const PartyShare &share : shares) {
        if (images > 0 && share.party.limits.images_per_day > 0) {
            counts.push_back({share.party.kind, share.party.account, images});
        }
    }
}

}  // namespace

// ---- questions, one at a time

void Claim::put(Question question, Then then) {
    question_ = question;
    then_ = std::move(then);
}

std::function<void(Accounts::Answer)> Claim::later() {
    return [this](const Accounts::Answer &answer) {
        const auto pending = std::move(pending_);
        if (CallbackOwner *owner = owner_) {
            run_for(*owner, [&] { on_answer(answer); });
        } else {
            on_answer(answer);
        }
    };
}

void Claim::take(Accounts::Reply reply) {
    if (reply.now) {
        on_answer(*reply.now);
    } else {
        pending_ = std::move(reply.pending);
    }
}

void Claim::on_answer(const Accounts::Answer &answer) {
    const Question question = std::exchange(question_, Question::none);
    switch (question) {
        case Question::enter:
            entered_ = answer.has_value();
            if (!answer) {
                shares_.clear();
            }
            break;
        case Question::cover:
            if (answer) {
                images_ += more_images_;
                usd_ += more_usd_;
            }
            break;
        case Question::enter_models:
            if (answer) {
                reserve_models();
                return;
            }
            models_.clear();
            break;
        default: break;
    }
    if (answer && (question == Question::enter || question == Question::cover)) {
        quotas_ = *answer;
    }
    const Then then = std::exchange(then_, nullptr);
    then(answer ? tl::expected<void, Exceeded>() : tl::unexpected(answer.error()));
}

void Claim::enter(const std::vector<Party> &parties, Milliseconds longest, Then then) {
    enter(shares_of(parties), longest, std::move(then));
}

void Claim::enter_waiting(const std::vector<Party> &parties, Milliseconds longest, Then then) {
    std::vector<PartyShare> shares = shares_of(parties);
    for (PartyShare &share : shares) {
        share.waits = true;
    }
    enter(std::move(shares), longest, std::move(then));
}

void Claim::enter(std::vector<PartyShare> shares, Milliseconds longest, Then then) {
    longest_ = longest + kGrace;
    shares_ = std::move(shares);
    make_room(shares_, counts_);
    put(Question::enter, std::move(then));
    take(accounts_.enter(shares_, longest_, later()));
}

bool Claim::has_budget() const {
    return std::any_of(shares_.begin(), shares_.end(),
                       [](const PartyShare &share) { return !share.party.budgets.empty(); });
}

void Claim::cover(int64_t images, MicroUsd usd, Then then) {
    more_images_ = std::max<int64_t>(0, images - images_);
    more_usd_ = std::max<MicroUsd>(0, usd - usd_);
    if (more_images_ == 0 && more_usd_ == 0) {
        then({});
        return;
    }
    put(Question::cover, std::move(then));
    take(accounts_.reserve(shares_, more_images_, more_usd_, later()));
}

void Claim::cover_models(const std::vector<Party> &models, int64_t images, int64_t lost,
                         Then then) {
    model_images_ = images + lost;
    if (!models_.empty() && same_parties(models_, models)) {
        put(Question::reserve_models, std::move(then));
        reserve_models();
        return;
    }
    settle_models(lost - lost_before_models_);
    lost_before_models_ = lost;
    models_ = shares_of(models);
    if (models_.empty()) {
        then({});
        return;
    }
    make_room(models_, counts_);
    put(Question::enter_models, std::move(then));
    take(accounts_.enter(models_, longest_, later()));
}

void Claim::reserve_models() {
    const int64_t missing = model_images_ - lost_before_models_ - models_.front().images();
    question_ = Question::reserve_models;
    if (missing <= 0) {
        on_answer(quotas_);
        return;
    }
    take(accounts_.reserve(models_, missing, 0, later()));
}

// ---- another process

ClaimState Claim::hand_on() {
    accounts_.hand_on(shares_);
    accounts_.hand_on(models_);
    return {accounts_.counting_memory(), shares_, models_, lost_before_models_};
}

void Claim::adopt(ClaimState state, Milliseconds longest) {
    longest_ = longest + kGrace;
    shares_ = std::move(state.shares);
    models_ = std::move(state.models);
    lost_before_models_ = state.lost_before_models;
    make_room(shares_, counts_);
    make_room(models_, counts_);
    spent_ = accounts_.adopt(shares_, state.memory, longest_);
    (void)accounts_.adopt(models_, state.memory, longest_);
    entered_ = true;
}

void Claim::leave() noexcept {
    pending_.reset();
    question_ = Question::none;
    shares_.clear();
    models_.clear();
    entered_ = false;
}

// ---- the end

void Claim::settle_models(int64_t used) noexcept {
    if (!models_.empty()) {
        count_days(models_, used, counts_);
        accounts_.settle(std::exchange(models_, {}), used, 0);
    }
}

std::vector<UsageRecord::DayCount> Claim::settle(int64_t made, int64_t lost,
                                                 MicroUsd spent) noexcept {
    // If a question to enter is not answered yet, destroying it gives back what it takes.
    pending_.reset();
    const Question open = std::exchange(question_, Question::none);
    if (open == Question::enter) {
        shares_.clear();
    } else if (open == Question::enter_models) {
        models_.clear();
    }
    settle_models(made + lost - lost_before_models_);
    if (!shares_.empty()) {
        count_days(shares_, made + lost, counts_);
        const auto left =
            accounts_.settle(std::exchange(shares_, {}), made + lost, spent_ ? 0 : spent);
        quotas_ = left.value_or(quotas_);
    }
    entered_ = false;
    return std::exchange(counts_, {});
}

}  // namespace gateway
