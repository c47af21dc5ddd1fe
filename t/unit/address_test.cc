// Addresses as curl's sockets and the operator's configuration have them, and which are public. The
// tests write networks as first and last address, so that a wrong prefix length is visible.
#include "core/net/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace gateway {
namespace {

Address address(const std::string &text) {
    const auto parsed = parse_address(text);
    EXPECT_TRUE(parsed) << text;
    return parsed.value_or(Address{});
}

std::string written(const Address &address) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
    return text;
}

size_t width(const Address &address) {
    return address.v6 ? 128 : 32;
}

bool bit(const Address &address, size_t i) {
    return ((address.bytes[i / 8] >> (7 - i % 8)) & 1) != 0;
}

void flip(Address &address, size_t i) {
    address.bytes[i / 8] ^= static_cast<uint8_t>(0x80 >> i % 8);
}

Address random_address(bool v6, std::mt19937 &random) {
    Address address{{}, v6};
    for (size_t i = 0; i < width(address) / 8; ++i) {
        address.bytes[i] = static_cast<uint8_t>(random());
    }
    return address;
}

// Leaves out a neighbour if another refused network begins there.
struct Refused {
    const char *first;
    const char *last;
    const char *public_before;
    const char *public_after;
};

constexpr Refused kRefused[] = {
    {"0.0.0.0", "0.255.255.255", nullptr, "1.0.0.0"},
    {"10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
    {"100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"},
    {"127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"},
    {"168.63.129.16", "168.63.129.16", "168.63.129.15", "168.63.129.17"},
    {"169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"},
    {"172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"},
    {"192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"},
    {"192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"},
    {"192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"},
    {"192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"},
    {"198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"},
    {"198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"},
    {"203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"},
    {"224.0.0.0", "239.255.255.255", "223.255.255.255", nullptr},
    {"240.0.0.0", "255.255.255.255", nullptr, nullptr},
    {"255.255.255.255", "255.255.255.255", nullptr, nullptr},

    // Below global unicast.
    {"::", "::", nullptr, nullptr},
    {"::1", "::1", nullptr, nullptr},
    {"::2", "::ffff:ffff", nullptr, nullptr},
    {"::7f00:1", "::7f00:1", nullptr, nullptr},
    {"::808:808", "::808:808", nullptr, nullptr},
    {"::ffff:0:0:0", "::ffff:0:ffff:ffff", nullptr, nullptr},
    {"::1:0:0", "::fffe:ffff:ffff", nullptr, nullptr},
    {"::1:0:0:0", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"64:ff9b::1:0:0", "64:ff9b:0:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"64:ff9b:1::808:808", "64:ff9b:1::808:808", nullptr, nullptr},
    {"64:ff9b:2::", "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"100::", "100::ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"100:0:0:1::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, "2000::"},
    // In it.
    {"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     "2001:200::"},
    {"2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
     "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
    {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     "3fff:1000::"},
    // Above it.
    {"4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     nullptr},
    {"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"5f01::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"fd00:ec2::254", "fd00:ec2::254", nullptr, nullptr},
    {"fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
    {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, nullptr},
};

TEST(PublicAddress, IsRefusedFromTheFirstToTheLastAddressOfEachSpecialNetwork) {
    for (const Refused &row : kRefused) {
        EXPECT_FALSE(is_public(address(row.first))) << row.first;
        EXPECT_FALSE(is_public(address(row.last))) << row.last;
    }
}

TEST(PublicAddress, IsAllowedRightBeforeAndRightAfterEachSpecialNetwork) {
    for (const Refused &row : kRefused) {
        for (const char *neighbour : {row.public_before, row.public_after}) {
            if (neighbour != nullptr) {
                EXPECT_TRUE(is_public(address(neighbour))) << neighbour;
            }
        }
    }
}

// Big-endian bytes of one family compare as numbers.
bool is_between(const Address &first, const Address &address, const Address &last) {
    return first.v6 == address.v6 && first.bytes <= address.bytes && address.bytes <= last.bytes;
}

bool is_in_a_row(const Address &candidate) {
    return std::ranges::any_of(kRefused, [&](const Refused &row) {
        return is_between(address(row.first), candidate, address(row.last));
    });
}

// Their own test has these.
bool holds_ipv4(const Address &candidate) {
    const Address mapped_first{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}, true};
    const Address mapped_last{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255}, true};
    return is_between(mapped_first, candidate, mapped_last) ||
           is_between(address("64:ff9b::"), candidate, address("64:ff9b::ffff:ffff"));
}

TEST(PublicAddress, IsDecidedByTheNetworksAloneForEveryOneBitChangeOfTheirBorders) {
    for (const Refused &row : kRefused) {
        for (const char *border : {row.first, row.last}) {
            for (size_t i = 0; i < width(address(border)); ++i) {
                Address changed = address(border);
                flip(changed, i);
                if (!holds_ipv4(changed)) {
                    EXPECT_EQ(is_public(changed), !is_in_a_row(changed)) << written(changed);
                }
            }
        }
    }
}

TEST(PublicAddress, IsDecidedByTheNetworksAloneAllOverIpv4) {
    std::mt19937 random(1);
    for (int i = 0; i < 3000; ++i) {
        const Address any = random_address(false, random);
        EXPECT_EQ(is_public(any), !is_in_a_row(any)) << written(any);
    }
}

TEST(PublicAddress, IsAllowedForHostsThatServeImagesToTheWorld) {
    for (const char *text : {"1.1.1.1", "8.8.8.8", "20.60.0.1", "52.95.110.1", "142.250.185.80",
                             "223.5.5.5", "2606:4700::6810:84e5", "2a00:1450:4001:81c::2010",
                             "2001:4860:4860::8888", "2400:cb00::1", "2c0f:fb50::1", "2003::1"}) {
        EXPECT_TRUE(is_public(address(text))) << text;
    }
}

std::string groups_of(const Address &ipv4) {
    char text[16] = "";
    std::snprintf(text, sizeof text, "%02x%02x:%02x%02x", ipv4.bytes[0], ipv4.bytes[1],
                  ipv4.bytes[2], ipv4.bytes[3]);
    return text;
}

std::vector<std::string> forms_with(const Address &ipv4) {
    const std::string groups = groups_of(ipv4);
    return {"::ffff:" + written(ipv4),
            "::ffff:" + groups,
            "64:ff9b::" + written(ipv4),
            "64:ff9b::" + groups,
            "2002:" + groups + "::",
            "2002:" + groups + ":0:1:2:3:4",
            "2002:" + groups + ":ffff:ffff:ffff:ffff:ffff"};
}

TEST(PublicAddress, IsDecidedByTheIpv4InsideOfMappedNat64And6to4) {
    for (const Refused &row : kRefused) {
        for (const char *border : {row.first, row.last, row.public_before, row.public_after}) {
            if (border == nullptr || address(border).v6) {
                continue;
            }
            for (const std::string &form : forms_with(address(border))) {
                EXPECT_EQ(is_public(address(form)), is_public(address(border))) << form;
            }
        }
    }
    EXPECT_TRUE(is_public(address("2002:808:808::a00:1")));
    EXPECT_FALSE(is_public(address("2002:a00:1::808:808")));
}

TEST(PublicAddress, IsDecidedByTheIpv4InsideOfAMappedAddressThatNobodyUnmapped) {
    Address mapped{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 8, 8, 8, 8}, true};
    EXPECT_TRUE(is_public(mapped));
    mapped.bytes[12] = 10;
    EXPECT_FALSE(is_public(mapped));
}

std::vector<std::string> split(const std::string &text) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
        if (c == '|') {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

TEST(ParseAddress, ReadsDottedQuadsAndIpv6) {
    const struct {
        std::string text;
        Address expected;
    } kRows[] = {
        {"0.0.0.0", {{}, false}},
        {"1.2.3.4", {{1, 2, 3, 4}, false}},
        {"255.255.255.255", {{255, 255, 255, 255}, false}},
        {"::", {{}, true}},
        {"::1", {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, true}},
        {"fd00:EC2::254", {{0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54}, true}},
        {"1:2:3:4:5:6:7:8", {{0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}, true}},
        {"64:ff9b::1.2.3.4", {{0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, true}},
        {"::1.2.3.4", {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, true}},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.254",
         {{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 254}, true}},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(parse_address(row.text), row.expected) << row.text;
    }
}

TEST(ParseAddress, ReadsMappedIpv6AsIpv4) {
    const Address expected{{10, 1, 2, 3}, false};
    for (const char *text : {"::ffff:10.1.2.3", "::FFFF:a01:203", "0:0:0:0:0:ffff:10.1.2.3",
                             "0000:0000:0000:0000:0000:ffff:0a01:0203"}) {
        EXPECT_EQ(parse_address(text), expected) << text;
    }
}

TEST(ParseAddress, RefusesEveryOtherSpelling) {
    for (const std::string &text :
         split("| |localhost|0177.0.0.1|127.0.0.01|010.0.0.1|127.1|127.0.1|2130706433|"
               "0x7f000001|0x7f.0.0.1|256.0.0.1|1.2.3.1000|1.2.3|1.2.3.|1.2.3.4.|1.2.3.4.5|"
               ".1.2.3.4|1..2.3|-1.2.3.4|+1.2.3.4| 1.2.3.4|1.2.3.4 |1.2.3.4\n|1.2.3.4:80|"
               "1.2.3.4/32|1.2.3.a|fe80::1%eth0|fe80::1%1|[::1]|::1/128|:|:::|1::2::3|12345::|"
               "g::|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7:|:1:2:3:4:5:6:7| ::1|"
               "::ffff:010.0.0.1|::ffff:127.1|::ffff:1.2.3.4.5|::256.0.0.1|\xd9\xa1.2.3.4|"
               "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555")) {
        EXPECT_FALSE(parse_address(text)) << text;
    }
}

TEST(ParseAddress, RefusesAZeroByteAndWhateverIsBehindIt) {
    const std::string zero(1, '\0');
    for (const char *text : {"1.2.3.4", "::1"}) {
        EXPECT_FALSE(parse_address(text + zero)) << text;
        EXPECT_FALSE(parse_address(text + zero + ".example")) << text;
        EXPECT_FALSE(parse_address(zero + text)) << text;
        EXPECT_FALSE(parse_network(text + zero)) << text;
        EXPECT_FALSE(parse_network(text + zero + "/0")) << text;
    }
    EXPECT_FALSE(parse_network("10.0.0.0/8" + zero));
}

TEST(ParseAddress, RefusesTextOfAnyLength) {
    for (const size_t length : {1U, 44U, 45U, 46U, 47U, 100'000U}) {
        for (const char c : {'0', '1', ':', '.', '%'}) {
            EXPECT_FALSE(parse_address(std::string(length, c))) << length << c;
        }
    }
}

TEST(ParseNetwork, ReadsNetworksAndSingleAddresses) {
    const struct {
        std::string text;
        std::string first;
        int bits;
    } kRows[] = {
        {"10.0.0.0/8", "10.0.0.0", 8},
        {"0.0.0.0/0", "0.0.0.0", 0},
        {"128.0.0.0/1", "128.0.0.0", 1},
        {"10.1.2.3/32", "10.1.2.3", 32},
        {"10.1.2.3", "10.1.2.3", 32},
        {"10.1.2.2/31", "10.1.2.2", 31},
        {"fd00::/8", "fd00::", 8},
        {"::/0", "::", 0},
        {"8000::/1", "8000::", 1},
        {"::1/128", "::1", 128},
        {"::1", "::1", 128},
        {"::2/127", "::2", 127},
        {"64:ff9b::/96", "64:ff9b::", 96},
        {"2001:db8::/33", "2001:db8::", 33},
        {"::ffff:10.1.2.3", "10.1.2.3", 32},
    };
    for (const auto &row : kRows) {
        const auto network = parse_network(row.text);
        ASSERT_TRUE(network) << row.text;
        EXPECT_EQ(network->first, address(row.first)) << row.text;
        EXPECT_EQ(network->bits, row.bits) << row.text;
    }
}

TEST(ParseNetwork, RefusesHostBitsThatAreSet) {
    for (const char *text : {"10.1.2.3/8", "10.1.0.0/15", "10.0.0.1/31", "0.0.0.1/0", "128.0.0.0/0",
                             "fd00::1/8", "fd00::1/127", "::1/0", "8000::/0", "2001:db8::/28"}) {
        EXPECT_FALSE(parse_network(text)) << text;
    }
}

TEST(ParseNetwork, RefusesPrefixesThatAreNotPlainNumbersInRange) {
    for (const std::string &text :
         split("10.0.0.0/33|10.0.0.0/128|::/129|10.0.0.0/-8|0.0.0.0/-0|10.0.0.0/+8|10.0.0.0/08|"
               "0.0.0.0/00|10.0.0.0/|10.0.0.0/ 8|10.0.0.0/8 |10.0.0.0/8.0|10.0.0.0/0x8|"
               "10.0.0.0/8/8|10.0.0.0//8|10.0.0.0/255.0.0.0|10.0.0.0/4294967304|"
               "10.0.0.0/99999999999999999999|fd00::/eight")) {
        EXPECT_FALSE(parse_network(text)) << text;
    }
}

TEST(ParseNetwork, RefusesWhatIsNoAddress) {
    for (const char *text :
         {"", "/", "/8", "0/0", "10/8", "10.0/8", "010.0.0.0/8", "localhost", "localhost/8",
          "fe80::%eth0/10", "[fd00::]/8", " 10.0.0.0/8", "*", "all", "unix:"}) {
        EXPECT_FALSE(parse_network(text)) << text;
    }
}

TEST(ParseNetwork, RefusesAPrefixOnAMappedAddressBecauseItCouldBeMeantInEitherFamily) {
    for (const char *text : {"::ffff:0:0/96", "::ffff:10.0.0.0/8", "::ffff:10.0.0.0/104",
                             "::ffff:10.0.0.1/128", "::ffff:10.0.0.1/32"}) {
        EXPECT_FALSE(parse_network(text)) << text;
    }
}

bool contains_bit_by_bit(const Network &network, const Address &address) {
    for (size_t i = 0; i < static_cast<size_t>(network.bits); ++i) {
        if (bit(network.first, i) != bit(address, i)) {
            return false;
        }
    }
    return network.first.v6 == address.v6;
}

// A random network with this prefix length, and its last address.
std::pair<Network, Address> random_network(bool v6, int bits, std::mt19937 &random) {
    Address first = random_address(v6, random);
    Address last = first;
    for (size_t i = static_cast<size_t>(bits); i < width(first); ++i) {
        if (bit(first, i)) {
            flip(first, i);
        } else {
            flip(last, i);
        }
    }
    return {{first, bits}, last};
}

TEST(Network, ContainsWhatABitByBitComparisonSaysAtTheBordersOfEveryPrefixLength) {
    std::mt19937 random(2);
    for (const bool v6 : {false, true}) {
        for (int bits = 0; bits <= (v6 ? 128 : 32); ++bits) {
            const auto [network, last] = random_network(v6, bits, random);
            EXPECT_TRUE(network.contains(network.first)) << bits;
            EXPECT_TRUE(network.contains(last)) << bits;
            for (const Address &border : {network.first, last, random_address(v6, random)}) {
                for (size_t i = 0; i < width(border); ++i) {
                    Address changed = border;
                    flip(changed, i);
                    EXPECT_EQ(network.contains(changed), contains_bit_by_bit(network, changed))
                        << written(network.first) << '/' << bits << ' ' << written(changed);
                }
            }
        }
    }
}

TEST(Network, ContainsNothingOfTheOtherFamily) {
    EXPECT_FALSE(parse_network("0.0.0.0/0")->contains(address("::")));
    EXPECT_FALSE(parse_network("::/0")->contains(address("0.0.0.0")));
    EXPECT_FALSE(parse_network("10.0.0.0/8")->contains(address("a00::")));
    EXPECT_FALSE(parse_network("a00::/8")->contains(address("10.0.0.0")));
}

TEST(Network, ContainsMappedAddressesAsTheIpv4TheyAre) {
    EXPECT_TRUE(parse_network("10.0.0.0/8")->contains(address("::ffff:10.1.2.3")));
    EXPECT_FALSE(parse_network("::/0")->contains(address("::ffff:10.1.2.3")));
}

TEST(Network, ReadsBackEveryPrefixLength) {
    std::mt19937 random(3);
    for (const bool v6 : {false, true}) {
        for (int bits = 0; bits <= (v6 ? 128 : 32); ++bits) {
            const auto [network, last] = random_network(v6, bits, random);
            const std::string suffix = '/' + std::to_string(bits);
            const auto parsed = parse_network(written(network.first) + suffix);
            ASSERT_TRUE(parsed) << written(network.first) << suffix;
            EXPECT_EQ(parsed->first, network.first);
            EXPECT_EQ(parsed->bits, bits);
            EXPECT_EQ(parse_network(written(last) + suffix).has_value(), last == network.first);
        }
    }
}

sockaddr_in ipv4_socket(const char *text) {
    sockaddr_in socket{};
    socket.sin_family = AF_INET;
    socket.sin_port = htons(443);
    EXPECT_EQ(inet_pton(AF_INET, text, &socket.sin_addr), 1);
    return socket;
}

sockaddr_in6 ipv6_socket(const char *text) {
    sockaddr_in6 socket{};
    socket.sin6_family = AF_INET6;
    socket.sin6_port = htons(443);
    socket.sin6_flowinfo = 0x01020304;
    socket.sin6_scope_id = 0x05060708;
    EXPECT_EQ(inet_pton(AF_INET6, text, &socket.sin6_addr), 1);
    return socket;
}

TEST(ReadAddress, ReadsIpv4AndIpv6Sockets) {
    const sockaddr_in ipv4 = ipv4_socket("93.184.215.14");
    EXPECT_EQ(read_address(&ipv4, sizeof ipv4), address("93.184.215.14"));
    const sockaddr_in6 ipv6 = ipv6_socket("fe80::1:2:3:4");
    EXPECT_EQ(read_address(&ipv6, sizeof ipv6), address("fe80::1:2:3:4"));
}

TEST(ReadAddress, ReadsAMappedSocketAsIpv4) {
    const sockaddr_in6 socket = ipv6_socket("::ffff:169.254.169.254");
    const auto read = read_address(&socket, sizeof socket);
    ASSERT_TRUE(read);
    EXPECT_FALSE(read->v6);
    EXPECT_EQ(*read, address("169.254.169.254"));
    EXPECT_FALSE(is_public(*read));
}

TEST(ReadAddress, ReadsSocketsInLargerStorageAndAtOddPlaces) {
    sockaddr_storage storage{};
    const sockaddr_in ipv4 = ipv4_socket("1.2.3.4");
    std::memcpy(&storage, &ipv4, sizeof ipv4);
    EXPECT_EQ(read_address(&storage, sizeof storage), address("1.2.3.4"));

    const sockaddr_in6 ipv6 = ipv6_socket("2606:4700::1");
    std::vector<char> odd(sizeof ipv6 + 1);
    std::memcpy(odd.data() + 1, &ipv6, sizeof ipv6);
    EXPECT_EQ(read_address(odd.data() + 1, sizeof ipv6), address("2606:4700::1"));
}

// Heap memory of exactly this length, so that the sanitizer detects a read past the end.
std::optional<Address> read_exactly(const void *socket, size_t length) {
    const auto *const from = static_cast<const char *>(socket);
    const std::vector<char> exact(from, from + length);
    return read_address(exact.data(), exact.size());
}

TEST(ReadAddress, RefusesEveryLengthThatIsTooShort) {
    const sockaddr_in ipv4 = ipv4_socket("1.2.3.4");
    for (size_t length = 0; length < sizeof ipv4; ++length) {
        EXPECT_FALSE(read_exactly(&ipv4, length)) << length;
    }
    EXPECT_TRUE(read_exactly(&ipv4, sizeof ipv4));
    const sockaddr_in6 ipv6 = ipv6_socket("2606:4700::1");
    for (size_t length = 0; length < sizeof ipv6; ++length) {
        EXPECT_FALSE(read_exactly(&ipv6, length)) << length;
    }
    EXPECT_TRUE(read_exactly(&ipv6, sizeof ipv6));
    EXPECT_FALSE(read_address(nullptr, sizeof ipv4));
}

TEST(ReadAddress, RefusesOtherFamilies) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    std::strcpy(local.sun_path, "/var/run/docker.sock");
    EXPECT_FALSE(read_address(&local, sizeof local));
    for (const int family : {AF_UNSPEC, AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK, 0xffff}) {
        sockaddr_in6 other = ipv6_socket("2606:4700::1");
        other.sin6_family = static_cast<sa_family_t>(family);
        EXPECT_FALSE(read_address(&other, sizeof other)) << family;
    }
}

}  // namespace
}  // namespace gateway
