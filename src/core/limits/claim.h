// All that one request holds of its parties' limits and budgets, from entering to settling.
//
//   (nothing) --enter--> entered --cover, cover_models--> covered --settle--> (nothing)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <tl/expected.hpp>
#include <vector>

#include "core/callback_owner.h"
#include "core/limits/accounts.h"
#include "core/limits/usage_book.h"

namespace gateway {

// A claim as it is written down, for another process to take it over.
struct ClaimState {
    CountingMemory memory;
    std::vector<PartyShare> shares;
    std::vector<PartyShare> models;
    int64_t lost_before_models = 0;
};

class Claim {
 public:
    // Called exactly once for each question, perhaps before the function returns. Not called after
    // settle().
    using Then = std::function<void(tl::expected<void, Exceeded>)>;

    explicit Claim(Accounts &accounts) : accounts_(accounts) {}
    ~Claim() { settle(0, 0, 0); }
    Claim(const Claim &) = delete;
    Claim &operator=(const Claim &) = delete;

    // Late answers are callbacks of this owner: an exception ends it alone. Null: they are called
    // as they are.
    void set_owner(CallbackOwner *owner) { owner_ = owner; }

    void enter(const std::vector<Party> &parties, Milliseconds longest, Then then);
    // The same for a request that waits; see Ledger. Then admit() it when it begins. step_back()
    // lets an entered request wait.
    void enter_waiting(const std::vector<Party> &parties, Milliseconds longest, Then then);
    [[nodiscard]] bool lets_wait() const { return accounts_.lets_wait(); }
    void step_back() noexcept { accounts_.step_back(shares_); }
    tl::expected<void, Exceeded> admit() { return accounts_.admit(shares_, longest_); }
    [[nodiscard]] bool has_entered() const { return entered_; }
    [[nodiscard]] bool has_budget() const;

    // `images` and `usd` are the totals that the request has used and is about to use. Reserves the
    // difference to what it has already reserved.
    void cover(int64_t images, MicroUsd usd, Then then);
    // The same for the limits of the candidate's model. `images` is the number of images to be
    // made, `lost` the number that were lost until now by any model.
    void cover_models(const std::vector<Party> &models, int64_t images, int64_t lost, Then then);
    // Cancels the question that is not answered yet.
    void drop_question() noexcept { pending_.reset(); }

    // Ends the claim. Returns the images used of each party that has a limit per day.
    std::vector<UsageRecord::DayCount> settle(int64_t made, int64_t lost, MicroUsd spent) noexcept;

    // If this process dies, another one may adopt the claim.
    [[nodiscard]] ClaimState hand_on();
    // Takes over the claim of another process. All that the state refers to must outlive the claim.
    void adopt(ClaimState state, Milliseconds longest);
    // Gives nothing back: another process adopts the claim when this one has ended.
    void leave() noexcept;
    // Whether its money was counted as spent before it was adopted.
    [[nodiscard]] bool is_spent() const { return spent_; }

    [[nodiscard]] const Quotas &quotas() const { return quotas_; }

 private:
    // The question that is not answered yet.
    enum class Question : uint8_t { none, enter, cover, enter_models, reserve_models };

    void enter(std::vector<PartyShare> shares, Milliseconds longest, Then then);
    void put(Question question, Then then);
    void take(Accounts::Reply reply);
    void on_answer(const Accounts::Answer &answer);
    [[nodiscard]] std::function<void(Accounts::Answer)> later();
    void reserve_models();
    void settle_models(int64_t used) noexcept;

    Accounts &accounts_;
    CallbackOwner *owner_ = nullptr;
    Milliseconds longest_{0};
    std::vector<PartyShare> shares_;
    std::vector<PartyShare> models_;
    bool entered_ = false;
    bool spent_ = false;
    int64_t images_ = 0;  // covered
    MicroUsd usd_ = 0;
    int64_t lost_before_models_ = 0;
    std::vector<UsageRecord::DayCount> counts_;
    Quotas quotas_;

    Question question_ = Question::none;
    Then then_;
    int64_t more_images_ = 0;  // that the question reserves
    MicroUsd more_usd_ = 0;
    int64_t model_images_ = 0;                  // to be made by the models, plus the lost images
    std::unique_ptr<PendingAccounts> pending_;  // destroyed first because it refers to the shares
};

}  // namespace gateway
