// The headers and the path of a request, as the core wants them.
#pragma once

#include "core/request/endpoint.h"
#include "core/request/head.h"
#include "nginx/ngx.h"

namespace gateway {

RequestHead read_head(ngx_http_request_t *r, bool wants_base_url);

// By the path, as far as the location's configuration has not said it.
Endpoint endpoint_of(ngx_http_request_t *r);

}  // namespace gateway
