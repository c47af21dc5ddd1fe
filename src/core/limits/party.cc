#include "core/limits/party.h"

namespace gateway {

int64_t PartyShare::images() const {
    int64_t sum = 0;
    for (const Reservation &reservation : reservations) {
        sum += reservation.images;
    }
    return sum;
}

std::vector<PartyShare> shares_of(const std::vector<Party> &parties) {
    std::vector<PartyShare> shares;
    shares.reserve(parties.size());
    for (const Party &party : parties) {
        shares.push_back({party, {}, {}, {}, 0, 0});
    }
    return shares;
}

}  // namespace gateway
