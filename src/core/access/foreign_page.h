// Whether a web page of another site has made a browser send a request.
#pragma once

#include <string_view>

#include "core/request/head.h"

namespace gateway {

// By what browsers tell (Sec-Fetch-Site, else Origin); other clients tell nothing. `host` and
// `public_host` are our own names, without ports; an empty one is none.
bool is_from_foreign_page(const RequestHead &head, std::string_view host,
                          std::string_view public_host);

// Of an address or an origin: without scheme, port and path. Empty: it has none.
std::string_view host_of(std::string_view url);

}  // namespace gateway
