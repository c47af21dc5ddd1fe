// What the images of a making cost and used.
#pragma once

#include "core/catalog/price.h"
#include "core/routing/execution.h"

namespace gateway {

struct Bill {
    Cost cost;
    Usage usage;
    bool counted = false;  // by us, because a provider tells none
};

// Each call's by what it made itself. The images that were not sent yet are given their part of the
// usage; of those that were sent it stays.
Bill bill_of(const Made &made, Tray &tray);

}  // namespace gateway
