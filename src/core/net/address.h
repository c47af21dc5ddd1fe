// Which network addresses a picture link given by a third party may lead to. What is judged is the
// address that a socket is about to connect to, so no spelling, redirect or DNS answer gets around
// it.
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

// The bytes are those of a struct sockaddr; nothing for other families and for lengths too short.
std::optional<Address> read_address(const void *sockaddr_bytes, size_t length);

// A dotted quad of four decimal numbers without leading zeros, or IPv6 without a zone.
std::optional<Address> parse_address(std::string_view text);

struct Network {
    Address first;
    int bits = 0;

    bool contains(const Address &address) const;
};

// "10.0.0.0/8", "fd00::/8" or a single address. Host bits that are set are a mistake, and so is a
// prefix on an IPv4-mapped address: it could be meant in either family's bits.
std::optional<Network> parse_network(std::string_view text);

// Globally routable unicast, and no address that a cloud gives a meaning of its own.
bool is_public(const Address &address);

}  // namespace gateway
