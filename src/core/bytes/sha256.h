// SHA-256 by OpenSSL, and a comparison in constant time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
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

bool equal_in_constant_time(const Sha256 &a, const Sha256 &b);

// To lower-case hexadecimal digits, and back.
std::string to_hex(const Sha256 &bytes);
std::optional<Sha256> parse_sha256(std::string_view hex);

}  // namespace gateway
