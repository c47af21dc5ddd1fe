// The port to the ledger. An implementation may answer at once, as shared memory does, or later, as
// a server would.
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

// A question that is not answered yet. Destroying it cancels the question and gives back what it
// would have taken.
class PendingAccounts {
 public:
    virtual ~PendingAccounts() = default;
};

class Accounts {
 public:
    using Answer = tl::expected<Quotas, Exceeded>;
    // Either the answer, or a pending question. In the second case, `later` is called once with the
    // answer.
    struct Reply {
        std::optional<Answer> now;
        std::unique_ptr<PendingAccounts> pending;
    };

    virtual ~Accounts() = default;
    // Counts one request and takes leases, for all parties or for none. The leases end after
    // `longest` at the latest. The shares must stay where they are until the answer.
    virtual Reply enter(std::span<PartyShare> shares, Milliseconds longest,
                        std::function<void(Answer)> later) = 0;
    // Reserves images and money, for all parties or for none.
    virtual Reply reserve(std::span<PartyShare> shares, int64_t images, MicroUsd usd,
                          std::function<void(Answer)> later) = 0;
    // Ends a request: gives back all leases, and what was reserved but not used. What was spent
    // counts even if it was not reserved. Takes the shares by value because destructors call it.
    // Returns what remains of the limits if that is known at once.
    virtual std::optional<Quotas> settle(std::vector<PartyShare> shares, int64_t images_used,
                                         MicroUsd spent) noexcept = 0;

    // For requests that wait; see Ledger. Only accounts that always answer at once can let them
    // wait for a place under `concurrent`; others leave their places as they are.
    [[nodiscard]] virtual bool lets_wait() const { return false; }
    virtual void step_back(std::span<PartyShare> /*shares*/) noexcept {}
    virtual tl::expected<void, Exceeded> admit(std::span<PartyShare> /*shares*/,
                                               Milliseconds /*longest*/) {
        return {};
    }

    // So that another process can go on with a request if this one dies; see Ledger. Accounts that
    // do not belong to processes have nothing to do for it.
    [[nodiscard]] virtual CountingMemory counting_memory() { return {}; }
    virtual void hand_on(std::span<const PartyShare> /*shares*/) noexcept {}
    virtual bool adopt(std::span<PartyShare> /*shares*/, const CountingMemory & /*memory*/,
                       Milliseconds /*longest*/) {
        return false;
    }
};

class Ledger;

// The accounts in shared memory. Always answers at once.
class LedgerAccounts final : public Accounts {
 public:
    // All arguments must outlive the accounts. `process` owns the leases.
    LedgerAccounts(Ledger &ledger, const Clock &clock, int32_t process)
        : ledger_(ledger), clock_(clock), process_(process) {}

    Reply enter(std::span<PartyShare> shares, Milliseconds longest,
                std::function<void(Answer)> later) override;
    Reply reserve(std::span<PartyShare> shares, int64_t images, MicroUsd usd,
                  std::function<void(Answer)> later) override;
    std::optional<Quotas> settle(std::vector<PartyShare> shares, int64_t images_used,
                                 MicroUsd spent) noexcept override;
    [[nodiscard]] bool lets_wait() const override { return true; }
    void step_back(std::span<PartyShare> shares) noexcept override;
    tl::expected<void, Exceeded> admit(std::span<PartyShare> shares, Milliseconds longest) override;
    [[nodiscard]] CountingMemory counting_memory() override;
    void hand_on(std::span<const PartyShare> shares) noexcept override;
    bool adopt(std::span<PartyShare> shares, const CountingMemory &memory,
               Milliseconds longest) override;

 private:
    [[nodiscard]] Moment moment() const;

    Ledger &ledger_;
    const Clock &clock_;
    int32_t process_;
};

}  // namespace gateway
