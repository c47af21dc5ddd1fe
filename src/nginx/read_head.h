// Reads the headers and the path of a request for the core.
#pragma once

#include "core/request/endpoint.h"
#include "core/request/head.h"
#include "nginx/ngx.h"

namespace gateway {

RequestHead read_head(ngx_http_request_t *r, bool wants_base_url);

// The endpoint for the request's path, after the prefix of the location.
Endpoint endpoint_of(ngx_http_request_t *r);

}  // namespace gateway
