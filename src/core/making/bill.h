// The cost and the usage of a making's images.
#pragma once

#include "core/catalog/price.h"
#include "core/routing/execution.h"

namespace gateway {

struct Bill {
    Cost cost;
    Usage usage;
    bool counted = false;  // the gateway counted the tokens because a provider reports none
};

// Adds up the bills of all calls. Divides each call's usage among its images that are sent at the
// end. Images that were announced before it keep their part.
Bill bill_of(const Made &made, Tray &tray);

}  // namespace gateway
