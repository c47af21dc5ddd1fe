// The adapter's entry points, which module.cc registers with nginx.
#pragma once

#include "nginx/ngx.h"

namespace gateway {

ngx_int_t access_handler(ngx_http_request_t *r) noexcept;
ngx_int_t content_handler(ngx_http_request_t *r) noexcept;
ngx_int_t page_handler(ngx_http_request_t *r) noexcept;

// Of image_gateway_metrics and image_gateway_status.
ngx_int_t report_handler(ngx_http_request_t *r) noexcept;
// Counts a request that is over.
ngx_int_t log_handler(ngx_http_request_t *r) noexcept;

ngx_int_t add_variables(ngx_conf_t *cf) noexcept;
// When the configuration has been read: finds variables of other modules.
bool find_variables(ngx_conf_t *cf) noexcept;

ngx_int_t install_filters(ngx_conf_t *cf) noexcept;

}  // namespace gateway
