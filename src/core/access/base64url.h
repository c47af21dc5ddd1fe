// Base64url as in RFC 7515: without padding, and only in canonical form.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gateway {

std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace gateway
