// The body of a request: how large it may be, and what nginx has received of it.
#pragma once

#include <cstddef>

#include "core/exchange/exchange.h"
#include "core/request/endpoint.h"
#include "nginx/conf.h"
#include "nginx/ngx.h"

namespace gateway {

// A longer body goes to a temporary file of nginx.
inline constexpr size_t kBodyBuffer = size_t{48} * 1024;

// The most that nginx lets through, for all endpoints of the location.
size_t max_body(const LocationConf &location);
// The most that this endpoint takes.
size_t max_body(const LocationConf &location, const EndpointRow &endpoint);

// What the body may need. Of a body without a length, its disk space is counted as it arrives.
BodySize needs_of_body(const ngx_http_request_t &r, const LocationConf &location,
                       const EndpointRow &endpoint);

// Counts bodies without a length.
ngx_int_t install_body_filter(ngx_conf_t *cf) noexcept;

// NGX_OK, or the status to reply with.
ngx_int_t take_body(ngx_http_request_t *r, const EndpointRow &endpoint, ReceivedBody &body);

}  // namespace gateway
