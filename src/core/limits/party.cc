#include "core/limits/party.h"

namespace gateway {

int64_t Stake::images() const {
    int64_t sum = 0;
    for (const Reservation &reservation : reservations) {
        sum += reservation.images;
    }
    return sum;
}

std::vector<Stake> stakes_of(const std::vector<Party> &parties) {
    std::vector<Stake> stakes;
    stakes.reserve(parties.size());
    for (const Party &party : parties) {
        stakes.push_back({party, {}, {}, {}, 0});
    }
    return stakes;
}

}  // namespace gateway
