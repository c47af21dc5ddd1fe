// Which addresses a provider's key may be sent to.
#pragma once

#include <span>
#include <string_view>

namespace gateway {

// Whether `url` leads to where `own` does (scheme, host and port), or by https to a host that one
// of the patterns names ("api.*.example.com", where '*' stands for one label). An address with a
// user name, or one that can be read in two ways, leads nowhere.
bool is_own_address(std::string_view url, std::string_view own,
                    std::span<const std::string_view> patterns);

}  // namespace gateway
