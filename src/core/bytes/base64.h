// Base64 by OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gateway {

std::string encode_base64(std::string_view bytes);

// Decodes the longest front of `text` that consists of whole groups. Empty if it is not base64. For
// reading the headers of files.
std::string decode_base64_front(std::string_view text);

// Decodes groups of four letters, and returns the number of bytes before the first invalid group.
// "=" counts as a letter here.
size_t decode_groups(std::string_view text, uint8_t *into);

// Decodes the last group, which has padding, to one or two bytes; to none if it is invalid.
size_t decode_padded(std::string_view group, uint8_t *into);

}  // namespace gateway
