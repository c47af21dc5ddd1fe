// The head of an HTTP/1.1 request: where it goes, and its text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/http_call.h"

namespace gateway {

// The parts of an http:// or https:// URL. They are written into requests as
// they are.
struct HttpTarget {
    // A name, or an address without brackets.
    [[nodiscard]] std::string host() const;
    // As a URL has them, also if the port is the scheme's usual one.
    [[nodiscard]] std::string host_and_port() const;

    bool is_secure = false;
    std::string authority;  // host and port
    std::string path;       // with the query; at least "/"
};

// Nothing if the URL is of a third scheme, or has anything that must be
// decoded, removed or joined first: user names, fragments, dot segments,
// characters that are not visible ASCII.
std::optional<HttpTarget> plain_target(std::string_view url);

// Nothing if a header of the call is not "Name: value" in one line.
std::optional<std::string> request_head(const HttpCall &call, const HttpTarget &target);

}  // namespace gateway
