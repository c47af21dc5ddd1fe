#include "core/limits/accounts.h"

#include "core/limits/ledger.h"

namespace gateway {

Moment LedgerAccounts::moment() const {
    return {clock_.unix_seconds(), clock_.now().count()};
}

Accounts::Reply LedgerAccounts::enter(std::span<PartyShare> shares, Milliseconds longest,
                                      std::function<void(Answer)> /*later*/) {
    return {ledger_.enter(shares, moment(), process_, longest.count()), nullptr};
}

Accounts::Reply LedgerAccounts::reserve(std::span<PartyShare> shares, int64_t images, MicroUsd usd,
                                        std::function<void(Answer)> /*later*/) {
    return {ledger_.reserve(shares, images, usd, moment()), nullptr};
}

std::optional<Quotas> LedgerAccounts::settle(std::vector<PartyShare> shares, int64_t images_used,
                                             MicroUsd spent) noexcept {
    return ledger_.settle(shares, images_used, spent, moment());
}

void LedgerAccounts::step_back(std::span<PartyShare> shares) noexcept {
    ledger_.step_back(shares, moment());
}

tl::expected<void, Exceeded> LedgerAccounts::admit(std::span<PartyShare> shares,
                                                   Milliseconds longest) {
    return ledger_.admit(shares, moment(), process_, longest.count());
}

CountingMemory LedgerAccounts::counting_memory() {
    return ledger_.counting_memory();
}

void LedgerAccounts::hand_on(std::span<const PartyShare> shares) noexcept {
    ledger_.hand_on(shares);
}

bool LedgerAccounts::adopt(std::span<PartyShare> shares, const CountingMemory &memory,
                           Milliseconds longest) {
    return ledger_.adopt(shares, memory, moment(), process_, longest.count());
}

}  // namespace gateway
