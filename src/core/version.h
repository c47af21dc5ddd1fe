// The version of the gateway.
#pragma once

#include <string_view>

namespace gateway {

inline constexpr std::string_view kVersion = "1.0.0-dev";

}  // namespace gateway
