// What one request takes of its caller's limits and budgets, from entering to settling.
#pragma once

#include <cstdint>
#include <tl/expected.hpp>
#include <vector>

#include "core/limits/ledger.h"
#include "core/limits/usage_book.h"

namespace gateway {

class Claim {
 public:
    Claim(Ledger &ledger, const Clock &clock, int32_t process)
        : ledger_(ledger), clock_(clock), process_(process) {}
    ~Claim() { settle(0, 0, 0); }
    Claim(const Claim &) = delete;
    Claim &operator=(const Claim &) = delete;

    tl::expected<void, Exceeded> enter(const std::vector<Party> &parties, Milliseconds longest);
    [[nodiscard]] bool has_budget() const;

    // So much is used or about to be, in all: reserves what is missing of it.
    tl::expected<void, Exceeded> cover(int64_t images, MicroUsd usd);
    // The same for the models that are asked now. `images` are to come, and `lost` were lost so
    // far, by whatever model.
    tl::expected<void, Exceeded> cover_models(const std::vector<Party> &models, int64_t images,
                                              int64_t lost);

    // The end. Of those whose day is limited, what was used.
    std::vector<UsageRecord::DayCount> settle(int64_t made, int64_t lost, MicroUsd spent) noexcept;

    [[nodiscard]] const Quotas &quotas() const { return quotas_; }

 private:
    [[nodiscard]] Moment moment() const;
    void settle_models(int64_t used) noexcept;

    Ledger &ledger_;
    const Clock &clock_;
    int32_t process_;
    Milliseconds longest_{0};
    std::vector<Stake> stakes_;
    std::vector<Stake> models_;
    int64_t images_ = 0;  // covered
    MicroUsd usd_ = 0;
    int64_t lost_before_models_ = 0;
    std::vector<UsageRecord::DayCount> counts_;
    Quotas quotas_;
};

}  // namespace gateway
