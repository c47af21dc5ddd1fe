// SHA-256 by OpenSSL, and comparison that takes the same time whatever it compares.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

using Sha256 = std::array<uint8_t, 32>;

Sha256 sha256(std::string_view text);

bool equal_in_constant_time(const Sha256 &a, const Sha256 &b);

// As hexadecimal digits in lower case, and back.
std::string to_hex(const Sha256 &bytes);
std::optional<Sha256> parse_sha256(std::string_view hex);

}  // namespace gateway
