// Base64 by OpenSSL.
#pragma once

#include <string>
#include <string_view>

namespace gateway {

std::string encode_base64(std::string_view bytes);

// What the longest whole front of `text` decodes to; empty when it is not base64. For looking at
// headers.
std::string decode_base64_front(std::string_view text);

}  // namespace gateway
