#include "core/limits/waiting_places.h"

#include <algorithm>

namespace gateway {

namespace {

Party places_party(const Account &account, const Account &all, int64_t max) {
    Party party;
    party.account = account;
    party.owner = all;
    party.limits.concurrent = max;
    return party;
}

}  // namespace

std::unique_ptr<WaitingPlaces::Place> WaitingPlaces::take(const Account &caller, int64_t max,
                                                          Milliseconds longest) {
    constexpr int64_t kCallersPart = 4;
    if (max <= 0) {
        return nullptr;
    }
    const Account all = account_of("waiting jobs");
    const int64_t max_of_caller = std::max<int64_t>(1, max / kCallersPart);
    auto place = std::make_unique<Place>(*this);
    std::vector<PartyShare> shares = shares_of(
        {places_party(both(all, caller), all, max_of_caller), places_party(all, all, max)});
    if (!ledger_.enter(shares, moment(), process_, longest.count())) {
        return nullptr;
    }
    place->shares_ = std::move(shares);
    return place;
}

void WaitingPlaces::give_back(std::vector<PartyShare> &shares) noexcept {
    if (!shares.empty()) {
        ledger_.settle(shares, 0, 0, moment());
    }
}

}  // namespace gateway
