// image_gateway_limit: limits for callers whose key does not set its own.
#pragma once

#include "core/limits/limits.h"
#include "nginx/ngx.h"

namespace gateway {

// "requests=60/m images=120/m images_day=5000 concurrent=8", or "off", from the second argument on.
// Throws ConfError.
Limits read_limits(ngx_conf_t *cf);

}  // namespace gateway
