#include "redis/redis_address.h"

#include <charconv>
#include <optional>

namespace gateway {

namespace {

constexpr int kMaxDatabase = 65'535;

std::optional<int> count_in(std::string_view text, int max) {
    int number = 0;
    const char *end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    return read.ec != std::errc() || read.ptr != end || number < 0 || number > max
               ? std::nullopt
               : std::optional(number);
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        unsigned byte = 0;
        const std::string_view digits = text.substr(i + 1, 2);
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
        if (digits.size() != 2 || read.ptr != digits.data() + 2 || byte == 0) {
            return std::nullopt;
        }
        decoded += static_cast<char>(byte);
        i += 2;
    }
    return decoded;
}

bool take_prefix(std::string_view &text, std::string_view prefix) {
    if (!text.starts_with(prefix)) {
        return false;
    }
    text.remove_prefix(prefix.size());
    return true;
}

// "user:password", ":password" or "user"
bool take_credentials(std::string_view &text, RedisAddress &address) {
    const size_t end = text.rfind('@');
    if (end == std::string_view::npos) {
        return true;
    }
    const std::string_view both = text.substr(0, end);
    text.remove_prefix(end + 1);
    const size_t colon = both.find(':');
    const auto user = percent_decoded(both.substr(0, colon));
    const auto password = percent_decoded(colon == std::string_view::npos ? std::string_view()
                                                                          : both.substr(colon + 1));
    if (!user || !password) {
        return false;
    }
    address.user = *user;
    address.password = *password;
    return true;
}

}  // namespace

std::string RedisAddress::text() const {
    std::string text = tls ? "rediss://" : "redis://";
    if (!socket.empty()) {
        text.append("unix:").append(socket);
        return text.append("?db=").append(std::to_string(database));
    }
    const bool is_ipv6 = host.find(':') != std::string::npos;
    text.append(is_ipv6 ? "[" + host + "]" : host).append(":").append(std::to_string(port));
    return text.append("/").append(std::to_string(database));
}

tl::expected<RedisAddress, std::string> parse_redis_address(std::string_view text) {
    RedisAddress address;
    const auto wrong = [](const char *why) { return tl::unexpected(std::string(why)); };
    if (take_prefix(text, "rediss://")) {
        address.tls = true;
    } else if (!take_prefix(text, "redis://")) {
        return wrong("it does not begin with redis:// or rediss://");
    }
    if (!take_credentials(text, address)) {
        return wrong("the user or the password has a \"%\" without two hexadecimal digits");
    }
    std::string_view database;
    bool has_database = false;
    if (take_prefix(text, "unix:")) {
        if (address.tls) {
            return wrong("a unix socket has no TLS");
        }
        const size_t query = text.find("?db=");
        address.socket = text.substr(0, query);
        has_database = query != std::string_view::npos;
        database = has_database ? text.substr(query + 4) : database;
        if (!address.socket.starts_with('/')) {
            return wrong("the path of the unix socket does not begin with \"/\"");
        }
    } else {
        const size_t slash = text.find('/');
        has_database = slash != std::string_view::npos && slash + 1 < text.size();
        database = has_database ? text.substr(slash + 1) : database;
        std::string_view host = text.substr(0, slash);
        std::string_view port;
        const bool is_ipv6 = host.starts_with('[');
        const size_t bracket = host.find(']');
        if (is_ipv6 && bracket == std::string_view::npos) {
            return wrong("the address has no \"]\"");
        }
        const size_t colon = host.find(':', is_ipv6 ? bracket : 0);
        if (colon != std::string_view::npos) {
            port = host.substr(colon + 1);
            host = host.substr(0, colon);
            const auto number = count_in(port, 65'535);
            if (!number || *number == 0) {
                return wrong("the port is not a number from 1 to 65535");
            }
            address.port = *number;
        }
        address.host = is_ipv6 ? host.substr(1, bracket - 1) : host;
        if (address.host.empty() || address.host.find_first_of(" \"'?#@") != std::string::npos) {
            return wrong("it has no host name");
        }
    }
    if (has_database) {
        const auto number = count_in(database, kMaxDatabase);
        if (!number) {
            return wrong("the number of the database is not a number");
        }
        address.database = *number;
    }
    return address;
}

}  // namespace gateway
