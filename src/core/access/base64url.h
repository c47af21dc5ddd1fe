// Base64url as RFC 7515 writes it: without padding, and only in the one way that it is written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gateway {

std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace gateway
