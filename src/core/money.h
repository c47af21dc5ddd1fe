// Money, in whole millionths of a US dollar.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

using MicroUsd = int64_t;

// As the JSON number in dollars.
std::string dollars(MicroUsd usd);
// "0.0336" to 33600; nothing if it is negative, absurd, or finer than a millionth.
std::optional<MicroUsd> parse_dollars(std::string_view text);

}  // namespace gateway
