#include "core/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <span>
#include <system_error>

namespace gateway {

namespace {

constexpr Address ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    return {{a, b, c, d}, false};
}

// `groups` are the leading groups; the others are zero.
constexpr Address ipv6(std::initializer_list<uint16_t> groups) {
    Address address{{}, true};
    size_t i = 0;
    for (const uint16_t group : groups) {
        address.bytes[i++] = static_cast<uint8_t>(group >> 8);
        address.bytes[i++] = static_cast<uint8_t>(group & 0xff);
    }
    return address;
}

// From IANA's special-purpose registry (RFC 6890), multicast, and addresses that clouds use for
// themselves.
constexpr Network kRefusedIpv4[] = {
    {ipv4(0, 0, 0, 0), 8},         // this host: Linux connects 0.0.0.0 to itself (RFC 791)
    {ipv4(10, 0, 0, 0), 8},        // private (RFC 1918)
    {ipv4(100, 64, 0, 0), 10},     // carriers' shared space (RFC 6598), Alibaba's metadata
    {ipv4(127, 0, 0, 0), 8},       // loopback (RFC 1122)
    {ipv4(168, 63, 129, 16), 32},  // Azure's host, seen from each of its virtual machines
    {ipv4(169, 254, 0, 0), 16},    // link-local (RFC 3927), most clouds' metadata
    {ipv4(172, 16, 0, 0), 12},     // private (RFC 1918)
    {ipv4(192, 0, 0, 0), 24},      // protocol assignments (RFC 6890), Oracle's metadata
    {ipv4(192, 0, 2, 0), 24},      // documentation (RFC 5737)
    {ipv4(192, 88, 99, 0), 24},    // 6to4 relays, deprecated (RFC 7526)
    {ipv4(192, 168, 0, 0), 16},    // private (RFC 1918)
    {ipv4(198, 18, 0, 0), 15},     // benchmarks (RFC 2544)
    {ipv4(198, 51, 100, 0), 24},   // documentation (RFC 5737)
    {ipv4(203, 0, 113, 0), 24},    // documentation (RFC 5737)
    {ipv4(224, 0, 0, 0), 4},       // multicast (RFC 5771)
    {ipv4(240, 0, 0, 0), 4},       // reserved (RFC 1112), broadcast at its end
};

// Loopback, private, link-local, site-local, multicast, NAT64's local prefix, discard-only and
// segment routing are all outside of it.
constexpr Network kGlobalUnicast{ipv6({0x2000}), 3};

// The networks in kGlobalUnicast that are not global.
constexpr Network kRefusedIpv6[] = {
    {ipv6({0x2001}), 23},         // protocols (RFC 2928): Teredo, benchmarks, both ORCHIDs
    {ipv6({0x2001, 0xdb8}), 32},  // documentation (RFC 3849)
    {ipv6({0x3fff}), 20},         // documentation (RFC 9637)
};

// IPv6 networks that a translator or tunnel maps to the IPv4 address at this byte offset.
struct Embedding {
    Network network;
    size_t offset;
};

constexpr Network kMapped{ipv6({0, 0, 0, 0, 0, 0xffff}), 96};

constexpr Embedding kEmbeddings[] = {
    {kMapped, 12},                     // the kernel itself (RFC 4291)
    {{ipv6({0x64, 0xff9b}), 96}, 12},  // NAT64 (RFC 6052)
    {{ipv6({0x2002}), 16}, 2},         // 6to4 (RFC 3056)
};

Address embedded(const Address &address, size_t offset) {
    const auto *const bytes = &address.bytes[offset];
    return ipv4(bytes[0], bytes[1], bytes[2], bytes[3]);
}

Address unmapped(const Address &address) {
    return kMapped.contains(address) ? embedded(address, 12) : address;
}

constexpr bool has_host_bits(const Network &network) {
    for (size_t bit = static_cast<size_t>(network.bits); bit < network.first.bytes.size() * 8;
         ++bit) {
        if ((network.first.bytes[bit / 8] & (0x80 >> bit % 8)) != 0) {
            return true;
        }
    }
    return false;
}

static_assert(std::ranges::none_of(kRefusedIpv4, has_host_bits));
static_assert(std::ranges::none_of(kRefusedIpv6, has_host_bits));
static_assert(std::ranges::none_of(kEmbeddings, has_host_bits, &Embedding::network));
static_assert(!has_host_bits(kGlobalUnicast));

bool is_in(std::span<const Network> networks, const Address &address) {
    return std::ranges::any_of(networks,
                               [&](const Network &network) { return network.contains(address); });
}

// Parses the address as written; a mapped address stays IPv6.
std::optional<Address> parse_literally(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    // inet_pton would ignore everything after a zero byte.
    if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    std::ranges::copy(text, terminated.begin());
    Address address{{}, text.find(':') != std::string_view::npos};
    const int family = address.v6 ? AF_INET6 : AF_INET;
    if (inet_pton(family, terminated.data(), address.bytes.data()) != 1) {
        return std::nullopt;
    }
    return address;
}

std::optional<int> parse_bits(std::string_view text, int max) {
    int bits = 0;
    const char *const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, bits);
    const bool canonical = !text.empty() && text[0] != '-' && (text[0] != '0' || text.size() == 1);
    if (error != std::errc() || stop != end || !canonical || bits > max) {
        return std::nullopt;
    }
    return bits;
}

// Copies the structure, because the bytes may not be aligned.
template <typename Sockaddr>
std::optional<Sockaddr> copy_of(const void *bytes, size_t length) {
    if (length < sizeof(Sockaddr)) {
        return std::nullopt;
    }
    Sockaddr copy;
    std::memcpy(&copy, bytes, sizeof copy);
    return copy;
}

}  // namespace

std::optional<Address> read_address(const void *sockaddr_bytes, size_t length) {
    constexpr size_t kFamilyAt = offsetof(sockaddr, sa_family);
    sa_family_t family = AF_UNSPEC;
    if (sockaddr_bytes == nullptr || length < kFamilyAt + sizeof family) {
        return std::nullopt;
    }
    std::memcpy(&family, static_cast<const char *>(sockaddr_bytes) + kFamilyAt, sizeof family);
    Address address;
    if (family == AF_INET) {
        const auto copy = copy_of<sockaddr_in>(sockaddr_bytes, length);
        if (!copy) {
            return std::nullopt;
        }
        std::memcpy(address.bytes.data(), &copy->sin_addr, sizeof copy->sin_addr);
        return address;
    }
    if (family == AF_INET6) {
        const auto copy = copy_of<sockaddr_in6>(sockaddr_bytes, length);
        if (!copy) {
            return std::nullopt;
        }
        address.v6 = true;
        std::memcpy(address.bytes.data(), &copy->sin6_addr, sizeof copy->sin6_addr);
        return unmapped(address);
    }
    return std::nullopt;
}

std::optional<Address> parse_address(std::string_view text) {
    const auto address = parse_literally(text);
    return address ? std::optional(unmapped(*address)) : std::nullopt;
}

bool Network::contains(const Address &address) const {
    const auto whole = static_cast<size_t>(bits / 8);
    const int rest = bits % 8;
    if (address.v6 != first.v6 ||
        std::memcmp(address.bytes.data(), first.bytes.data(), whole) != 0) {
        return false;
    }
    return rest == 0 || (address.bytes[whole] ^ first.bytes[whole]) >> (8 - rest) == 0;
}

std::optional<Network> parse_network(std::string_view text) {
    const size_t slash = text.find('/');
    const auto first = parse_literally(text.substr(0, slash));
    if (!first) {
        return std::nullopt;
    }
    if (slash == std::string_view::npos) {
        const Address single = unmapped(*first);
        return Network{single, single.v6 ? 128 : 32};
    }
    const auto bits = parse_bits(text.substr(slash + 1), first->v6 ? 128 : 32);
    if (!bits || kMapped.contains(*first)) {
        return std::nullopt;
    }
    const Network network{*first, *bits};
    return has_host_bits(network) ? std::nullopt : std::optional(network);
}

bool is_public(const Address &address) {
    if (!address.v6) {
        return !is_in(kRefusedIpv4, address);
    }
    for (const Embedding &embedding : kEmbeddings) {
        if (embedding.network.contains(address)) {
            return is_public(embedded(address, embedding.offset));
        }
    }
    return kGlobalUnicast.contains(address) && !is_in(kRefusedIpv6, address);
}

}  // namespace gateway
