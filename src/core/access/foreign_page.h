// Detects requests that a web page of another site made a browser send.
#pragma once

#include <string_view>

#include "core/request/head.h"

namespace gateway {

// Decides by the browser's headers: Sec-Fetch-Site, else Origin. Other clients send neither. `host`
// and `public_host` are the gateway's own names without ports; an empty one is ignored.
bool is_from_foreign_page(const RequestHead &head, std::string_view host,
                          std::string_view public_host);

// The host of a URL or an origin, without scheme, port and path. Empty if there is none.
std::string_view host_of(std::string_view url);

}  // namespace gateway
