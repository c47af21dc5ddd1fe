// Decides which addresses a link of a third party may lead to: public addresses by https, and the
// networks that the operator allows.
#pragma once

#include <algorithm>
#include <vector>

#include "core/net/address.h"

namespace gateway {

struct FetchRules {
    std::vector<Network> allowed;  // by image_gateway_fetch_allow; also without TLS

    [[nodiscard]] bool allow(const Address &address, bool https) const {
        return (https && is_public(address)) ||
               std::any_of(allowed.begin(), allowed.end(),
                           [&](const Network &network) { return network.contains(address); });
    }
};

}  // namespace gateway
