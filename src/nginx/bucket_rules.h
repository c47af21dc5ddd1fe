// Reads image_gateway_store with an address of a bucket.
#pragma once

#include <memory>
#include <string_view>

#include "core/images/links.h"
#include "nginx/ngx.h"

namespace gateway {

// "s3://…"
bool is_bucket_address(std::string_view argument);

// Throws ConfError.
std::shared_ptr<Hosting> read_bucket_store(ngx_conf_t *cf);

}  // namespace gateway
