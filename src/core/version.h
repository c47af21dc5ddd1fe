// The version of the gateway. Only this line has it: the build, the packages and the commands read
// it from here.
#pragma once

#include <string_view>

#define IMAGE_GATEWAY_VERSION "1.0.0-dev"

namespace gateway {

inline constexpr std::string_view kVersion = IMAGE_GATEWAY_VERSION;

// What providers get as User-Agent. The servers of links get it without the version.
inline constexpr const char *kUserAgent = "image-gateway/" IMAGE_GATEWAY_VERSION;
inline constexpr const char *kUserAgentOfFetches = "image-gateway";

}  // namespace gateway
