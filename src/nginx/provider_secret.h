// Secrets of an image_provider block: in an environment variable or a file, never in the block.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nginx/ngx.h"

namespace gateway {

inline constexpr const char *kUnset = "unset";  // the secret where only a signal is sent

// What "env:NAME" or "file:PATH" has; nothing for other text. Throws ConfError.
std::optional<std::string> named_secret(ngx_conf_t *cf, std::string_view source);

}  // namespace gateway
