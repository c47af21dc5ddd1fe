// Step 10: ends an order's claim on limits and budgets, and tells the observers how it ended.
#pragma once

#include <string_view>

#include "core/making/making.h"

namespace gateway {

struct Ending {
    int status = 0;
    std::string_view outcome;
    Milliseconds began{0};  // a time of the clock
};

// `making` is that of the order; null: nothing was made for it. Does nothing the second time.
void settle_order(Order &order, const Making *making, const Ports &ports,
                  const Ending &ending) noexcept;

}  // namespace gateway
