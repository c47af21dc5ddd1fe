// SHA-256 and HMAC-SHA256 by OpenSSL, and a comparison in constant time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gateway {

using Sha256 = std::array<uint8_t, 32>;

Sha256 sha256(std::string_view text);

// The hash of a text that comes in pieces.
class Sha256Stream {
 public:
    Sha256Stream();
    void add(std::string_view piece);
    // Call it once.
    [[nodiscard]] Sha256 finish();

 private:
    std::shared_ptr<void> context_;
};

// HMAC-SHA256 (RFC 2104).
Sha256 hmac_sha256(std::span<const uint8_t> key, std::string_view text);
Sha256 hmac_sha256(std::string_view key, std::string_view text);

bool equal_in_constant_time(const Sha256 &a, const Sha256 &b);

// To lower-case hexadecimal digits, and back.
std::string to_hex(const Sha256 &bytes);
std::optional<Sha256> parse_sha256(std::string_view hex);

}  // namespace gateway
