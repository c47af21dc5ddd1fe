// Where a server of Redis is, as the operator writes it.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace gateway {

struct RedisAddress {
    bool tls = false;
    std::string socket;  // the path of a unix socket; empty: host and port
    std::string host;
    int port = 6379;
    std::string user;  // empty: the default user
    std::string password;
    int database = 0;

    // For people: without user and password.
    [[nodiscard]] std::string text() const;
};

// Reads redis://[user:password@]host[:port][/db], the same with rediss:// for TLS, or
// redis://[user:password@]unix:PATH[?db=N]. User and password may be percent-encoded. The error
// says what is wrong, without the password.
tl::expected<RedisAddress, std::string> parse_redis_address(std::string_view text);

}  // namespace gateway
