#include "core/limits/claim.h"

#include <algorithm>
#include <utility>

namespace gateway {

namespace {

// A worker gives its leases back, or is found dead; the time is for a process number that is used
// again.
constexpr Milliseconds kGrace{3'600'000};

bool same_parties(const std::vector<Stake> &stakes, const std::vector<Party> &parties) {
    return std::equal(stakes.begin(), stakes.end(), parties.begin(), parties.end(),
                      [](const Stake &stake, const Party &party) {
                          return stake.party.account == party.account;
                      });
}

// So that settling needs no memory.
void make_room(const std::vector<Stake> &stakes, std::vector<UsageRecord::DayCount> &counts) {
    const auto limited = std::count_if(stakes.begin(), stakes.end(), [](const Stake &stake) {
        return stake.party.limits.images_per_day > 0;
    });
    if (limited > 0) {
        counts.reserve(counts.capacity() + static_cast<size_t>(limited));
    }
}

void count_days(const std::vector<Stake> &stakes, int64_t images,
                std::vector<UsageRecord::DayCount> &counts) {
    for (const Stake &stake : stakes) {
        if (images > 0 && stake.party.limits.images_per_day > 0) {
            counts.push_back({stake.party.kind, stake.party.account, images});
        }
    }
}

}  // namespace

Moment Claim::moment() const {
    return {clock_.unix_seconds(), clock_.now().count()};
}

tl::expected<void, Exceeded> Claim::enter(const std::vector<Party> &parties, Milliseconds longest) {
    longest_ = longest + kGrace;
    stakes_ = stakes_of(parties);
    make_room(stakes_, counts_);
    const auto entered = ledger_.enter(stakes_, moment(), process_, longest_.count());
    if (!entered) {
        stakes_.clear();
        return tl::unexpected(entered.error());
    }
    quotas_ = *entered;
    return {};
}

bool Claim::has_budget() const {
    return std::any_of(stakes_.begin(), stakes_.end(),
                       [](const Stake &stake) { return !stake.party.budgets.empty(); });
}

tl::expected<void, Exceeded> Claim::cover(int64_t images, MicroUsd usd) {
    const int64_t more_images = std::max<int64_t>(0, images - images_);
    const MicroUsd more_usd = std::max<MicroUsd>(0, usd - usd_);
    if (more_images == 0 && more_usd == 0) {
        return {};
    }
    const auto reserved = ledger_.reserve(stakes_, more_images, more_usd, moment());
    if (!reserved) {
        return tl::unexpected(reserved.error());
    }
    images_ += more_images;
    usd_ += more_usd;
    quotas_ = *reserved;
    return {};
}

tl::expected<void, Exceeded> Claim::cover_models(const std::vector<Party> &models, int64_t images,
                                                 int64_t lost) {
    if (models_.empty() || !same_parties(models_, models)) {
        settle_models(lost - lost_before_models_);
        lost_before_models_ = lost;
        models_ = stakes_of(models);
        make_room(models_, counts_);
        const auto entered = ledger_.enter(models_, moment(), process_, longest_.count());
        if (!entered) {
            models_.clear();
            return tl::unexpected(entered.error());
        }
    }
    if (models_.empty()) {
        return {};
    }
    const int64_t missing = images + lost - lost_before_models_ - models_.front().images();
    if (missing <= 0) {
        return {};
    }
    const auto reserved = ledger_.reserve(models_, missing, 0, moment());
    return reserved ? tl::expected<void, Exceeded>() : tl::unexpected(reserved.error());
}

void Claim::settle_models(int64_t used) noexcept {
    if (!models_.empty()) {
        count_days(models_, used, counts_);
        ledger_.settle(models_, used, 0, moment());
        models_.clear();
    }
}

std::vector<UsageRecord::DayCount> Claim::settle(int64_t made, int64_t lost,
                                                 MicroUsd spent) noexcept {
    settle_models(made + lost - lost_before_models_);
    if (!stakes_.empty()) {
        count_days(stakes_, made + lost, counts_);
        quotas_ = ledger_.settle(stakes_, made + lost, spent, moment());
        stakes_.clear();
    }
    return std::exchange(counts_, {});
}

}  // namespace gateway
