// Decides which addresses a provider's key may be sent to.
#pragma once

#include <span>
#include <string_view>

namespace gateway {

// Whether `url` has the same scheme, host and port as `own`, or is an https URL of a host that
// matches a pattern ("api.*.example.com", where '*' stands for one label). A URL with a user name,
// or one that different programs may parse differently, never matches.
bool is_own_address(std::string_view url, std::string_view own,
                    std::span<const std::string_view> patterns);

}  // namespace gateway
