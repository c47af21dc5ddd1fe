// Which web pages may read our answers: image_gateway_cors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nginx/ngx.h"

namespace gateway {

struct Cors {
    bool any = false;  // every origin, but none with credentials of the browser's
    std::vector<std::string> origins;

    [[nodiscard]] bool on() const { return any || !origins.empty(); }
    [[nodiscard]] bool allows(std::string_view origin) const;
};

// Takes the directive's arguments; throws ConfError.
Cors read_cors(const ngx_str_t *arguments, size_t count);

// Whether this is a browser's question before the request itself, from a page that may ask. It
// comes without a key.
bool is_preflight(ngx_http_request_t *r, const Cors &cors);

// What the answer, whoever made it, has to say to the browser. False without memory.
bool add_cors_headers(ngx_http_request_t *r, const Cors &cors);

}  // namespace gateway
