// What one request takes of its caller's limits and budgets, from entering to settling.
//
//   (nothing) --enter--> entered --cover, cover_models--> covered --settle--> (nothing)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <tl/expected.hpp>
#include <vector>

#include "core/limits/accounts.h"
#include "core/limits/usage_book.h"

namespace gateway {

class Claim {
 public:
    // Called exactly once for each question, perhaps from within it; not after settle().
    using Then = std::function<void(tl::expected<void, Exceeded>)>;

    explicit Claim(Accounts &accounts) : accounts_(accounts) {}
    ~Claim() { settle(0, 0, 0); }
    Claim(const Claim &) = delete;
    Claim &operator=(const Claim &) = delete;

    void enter(const std::vector<Party> &parties, Milliseconds longest, Then then);
    [[nodiscard]] bool has_entered() const { return entered_; }
    [[nodiscard]] bool has_budget() const;

    // So much is used or about to be, in all: reserves what is missing of it.
    void cover(int64_t images, MicroUsd usd, Then then);
    // The same for the models that are asked now. `images` are to come, and `lost` were lost so
    // far, by whatever model.
    void cover_models(const std::vector<Party> &models, int64_t images, int64_t lost, Then then);
    // The answer that has not come is not wanted any longer.
    void drop_question() noexcept { pending_.reset(); }

    // The end. Of those whose day is limited, what was used.
    std::vector<UsageRecord::DayCount> settle(int64_t made, int64_t lost, MicroUsd spent) noexcept;

    [[nodiscard]] const Quotas &quotas() const { return quotas_; }

 private:
    // What the answer that has not come is for.
    enum class Question : uint8_t { none, enter, cover, enter_models, reserve_models };

    void put(Question question, Then then);
    void take(Accounts::Reply reply);
    void on_answer(const Accounts::Answer &answer);
    [[nodiscard]] std::function<void(Accounts::Answer)> later();
    void reserve_models();
    void settle_models(int64_t used) noexcept;

    Accounts &accounts_;
    Milliseconds longest_{0};
    std::vector<PartyShare> shares_;
    std::vector<PartyShare> models_;
    bool entered_ = false;
    int64_t images_ = 0;  // covered
    MicroUsd usd_ = 0;
    int64_t lost_before_models_ = 0;
    std::vector<UsageRecord::DayCount> counts_;
    Quotas quotas_;

    Question question_ = Question::none;
    Then then_;
    int64_t more_images_ = 0;  // that the question is about
    MicroUsd more_usd_ = 0;
    int64_t model_images_ = 0;  // that the models are to make, with those that were lost
    std::unique_ptr<PendingAccounts> pending_;  // destroyed first: it refers to the shares
};

}  // namespace gateway
