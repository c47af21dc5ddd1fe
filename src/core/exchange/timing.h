// How long the steps of a request took. The clock is that of the event loop, so a step without a
// wait takes no time.
#pragma once

#include <algorithm>

#include "core/ports.h"

namespace gateway {

struct Timing {
    Milliseconds auth{0};      // from the headers to the content handler
    Milliseconds limits{0};    // until the accounts answered
    Milliseconds body{0};      // until the client had sent it
    Milliseconds wait{0};      // pauses between calls
    Milliseconds provider{0};  // calls, of which several may be in progress
    Milliseconds delivery{0};  // bringing images into the requested form
    Milliseconds sending{0};   // the reply, after it was complete
    Milliseconds total{0};

    // Of the gateway itself.
    [[nodiscard]] Milliseconds own() const {
        return std::max(Milliseconds(0),
                        total - auth - limits - body - wait - provider - delivery - sending);
    }
};

}  // namespace gateway
