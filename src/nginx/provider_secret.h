// Reads secrets of an image_provider block from an environment variable or a file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nginx/ngx.h"

namespace gateway {

inline constexpr const char *kUnset =
    "unset";  // in the place of a missing secret, if nginx only sends a signal

// The secret that "env:NAME" or "file:PATH" names; nothing for other text. Throws ConfError.
std::optional<std::string> named_secret(ngx_conf_t *cf, std::string_view source);

}  // namespace gateway
