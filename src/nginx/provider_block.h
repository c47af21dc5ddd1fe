// image_provider NAME { … }
#pragma once

#include <memory>

#include "core/providers/dialect.h"
#include "nginx/ngx.h"

namespace gateway {

// Reads the block that follows. Throws ConfError, or AlreadyLogged.
std::unique_ptr<Provider> read_provider_block(ngx_conf_t *cf);

}  // namespace gateway
