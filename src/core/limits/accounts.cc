#include "core/limits/accounts.h"

#include "core/limits/ledger.h"

namespace gateway {

Moment LedgerAccounts::moment() const {
    return {clock_.unix_seconds(), clock_.now().count()};
}

Accounts::Reply LedgerAccounts::enter(std::span<Stake> stakes, Milliseconds longest,
                                      std::function<void(Answer)> /*later*/) {
    return {ledger_.enter(stakes, moment(), process_, longest.count()), nullptr};
}

Accounts::Reply LedgerAccounts::reserve(std::span<Stake> stakes, int64_t images, MicroUsd usd,
                                        std::function<void(Answer)> /*later*/) {
    return {ledger_.reserve(stakes, images, usd, moment()), nullptr};
}

std::optional<Quotas> LedgerAccounts::settle(std::vector<Stake> stakes, int64_t images_used,
                                             MicroUsd spent) noexcept {
    return ledger_.settle(stakes, images_used, spent, moment());
}

}  // namespace gateway
