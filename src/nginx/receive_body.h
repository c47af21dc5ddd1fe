// The body of a request: how large it may be, and what nginx has received of it.
#pragma once

#include <cstddef>

#include "core/inputs/read_body.h"
#include "core/request/endpoint.h"
#include "nginx/conf.h"
#include "nginx/ngx.h"

namespace gateway {

// A longer body goes to a temporary file of nginx.
inline constexpr size_t kBodyBuffer = size_t{64} * 1024;

// The most that nginx lets through, for all endpoints of the location.
size_t max_body(const LocationConf &location);
// The most that this endpoint takes.
size_t max_body(const LocationConf &location, const EndpointRow &endpoint);

// What the body may need: of a body without a length, the most.
struct BodyNeeds {
    size_t memory = 0;
    size_t disk = 0;
};
BodyNeeds needs_of_body(const ngx_http_request_t &r, const LocationConf &location,
                        const EndpointRow &endpoint);

// NGX_OK, or the status to reply with.
ngx_int_t take_body(ngx_http_request_t *r, const EndpointRow &endpoint, ReceivedBody &body);

}  // namespace gateway
