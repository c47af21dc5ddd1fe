// Decides which network addresses an image link of a third party may lead to. It checks the address
// that a socket is about to connect to, so no spelling, redirect or DNS answer can avoid the check.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gateway {

// IPv4 fills the first four bytes and leaves the rest zero. An IPv4-mapped IPv6 address
// (::ffff:a.b.c.d) is read as IPv4, because that is what the kernel connects to.
struct Address {
    std::array<uint8_t, 16> bytes{};
    bool v6 = false;

    bool operator==(const Address &) const = default;
};

// Reads the bytes of a struct sockaddr. Returns nothing for other families and for too few bytes.
std::optional<Address> read_address(const void *sockaddr_bytes, size_t length);

// A dotted quad of four decimal numbers without leading zeros, or IPv6 without a zone.
std::optional<Address> parse_address(std::string_view text);

struct Network {
    Address first;
    int bits = 0;

    bool contains(const Address &address) const;
};

// Reads "10.0.0.0/8", "fd00::/8" or a single address. It is an error if host bits are set. A prefix
// on an IPv4-mapped address is also an error, because it is ambiguous which family's bits it
// counts.
std::optional<Network> parse_network(std::string_view text);

// Whether the address is globally routable unicast, and not one that a cloud uses for itself.
bool is_public(const Address &address);

}  // namespace gateway
