// image_gateway_cors: which web pages may send requests and read our replies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nginx/ngx.h"

namespace gateway {

struct Cors {
    bool any = false;  // every origin, but without the browser's own credentials
    std::vector<std::string> origins;

    [[nodiscard]] bool on() const { return any || !origins.empty(); }
    [[nodiscard]] bool allows(std::string_view origin) const;
};

// Reads the directive's arguments. Throws ConfError.
Cors read_cors(const ngx_str_t *arguments, size_t count);

// Whether this is a preflight request of an allowed page. Browsers send it without a key.
bool is_preflight(ngx_http_request_t *r, const Cors &cors);

// Adds the CORS headers to a reply of any module. False if memory is short.
bool add_cors_headers(ngx_http_request_t *r, const Cors &cors);

}  // namespace gateway
