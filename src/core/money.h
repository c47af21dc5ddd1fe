// Money, in whole millionths of a US dollar.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

using MicroUsd = int64_t;

// The amount in dollars, as a JSON number.
std::string dollars(MicroUsd usd);
// Reads "0.0336" as 33600. Returns nothing if the amount is negative, too large, or has more than
// six decimals.
std::optional<MicroUsd> parse_dollars(std::string_view text);

}  // namespace gateway
