// Base64 by OpenSSL.
#pragma once

#include <string>
#include <string_view>

namespace gateway {

std::string encode_base64(std::string_view bytes);

// Decodes the longest front of `text` that consists of whole groups. Empty if it is not base64. For
// reading the headers of files.
std::string decode_base64_front(std::string_view text);

}  // namespace gateway
