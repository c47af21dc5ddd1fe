// Where a link that somebody else gave us may lead: into the public network by https, and wherever
// the operator says.
#pragma once

#include <algorithm>
#include <vector>

#include "core/net/address.h"

namespace gateway {

struct FetchRules {
    std::vector<Network> allowed;  // image_gateway_fetch_allow: also without TLS

    [[nodiscard]] bool allow(const Address &address, bool https) const {
        return (https && is_public(address)) ||
               std::any_of(allowed.begin(), allowed.end(),
                           [&](const Network &network) { return network.contains(address); });
    }
};

}  // namespace gateway
