// The port to what everybody has used. Memory that the workers share answers at once; an account
// that lies elsewhere answers later.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <tl/expected.hpp>
#include <vector>

#include "core/limits/exceeded.h"
#include "core/limits/party.h"
#include "core/limits/quotas.h"
#include "core/ports.h"

namespace gateway {

// Stands for an answer that has not come. Destroying it drops the answer, and gives back what the
// answer would have taken.
class PendingAccounts {
 public:
    virtual ~PendingAccounts() = default;
};

class Accounts {
 public:
    using Answer = tl::expected<Quotas, Exceeded>;
    // Either the answer, or what stands for it: then `later` is called with it, once.
    struct Reply {
        std::optional<Answer> now;
        std::unique_ptr<PendingAccounts> pending;
    };

    virtual ~Accounts() = default;
    // One request more, for all of them or for none: counts it and takes leases, which end after
    // `longest` at the latest. The shares stay where they are until the answer is there.
    virtual Reply enter(std::span<PartyShare> shares, Milliseconds longest,
                        std::function<void(Answer)> later) = 0;
    // So much more is about to be used, of all of them or of none.
    virtual Reply reserve(std::span<PartyShare> shares, int64_t images, MicroUsd usd,
                          std::function<void(Answer)> later) = 0;
    // The end of them: gives back what was reserved and not used, and all leases. What was spent
    // counts whether or not it was reserved. Called from destructors: the port owns the shares from
    // here on, and returns what is left where it knows that at once.
    virtual std::optional<Quotas> settle(std::vector<PartyShare> shares, int64_t images_used,
                                         MicroUsd spent) noexcept = 0;
};

class Ledger;

// In memory that all workers share: answers at once.
class LedgerAccounts final : public Accounts {
 public:
    // All of it outlives the accounts. `process` is whoever takes leases.
    LedgerAccounts(Ledger &ledger, const Clock &clock, int32_t process)
        : ledger_(ledger), clock_(clock), process_(process) {}

    Reply enter(std::span<PartyShare> shares, Milliseconds longest,
                std::function<void(Answer)> later) override;
    Reply reserve(std::span<PartyShare> shares, int64_t images, MicroUsd usd,
                  std::function<void(Answer)> later) override;
    std::optional<Quotas> settle(std::vector<PartyShare> shares, int64_t images_used,
                                 MicroUsd spent) noexcept override;

 private:
    [[nodiscard]] Moment moment() const;

    Ledger &ledger_;
    const Clock &clock_;
    int32_t process_;
};

}  // namespace gateway
