// Step 10: ends an order's claim on limits and budgets, and tells the observers how it ended.
#pragma once

#include <optional>
#include <string_view>

#include "core/making/making.h"

namespace gateway {

struct Ending {
    int status = 0;
    std::string_view outcome;
    Milliseconds began{0};  // a time of the clock
    // Without a making, of what another request made:
    int64_t images = 0;  // that count for this one
    std::optional<MicroUsd> cost = std::nullopt;
};

// `making` is that of the order; null: nothing was made for it. Does nothing the second time.
void settle_order(Order &order, const Making *making, const Ports &ports,
                  const Ending &ending) noexcept;

}  // namespace gateway
