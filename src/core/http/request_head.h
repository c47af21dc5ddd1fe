// The head of an HTTP/1.1 request: where it goes, and its text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/http_call.h"

namespace gateway {

// The parts of an http:// URL. They are written into requests as they are.
struct HttpTarget {
    std::string authority;  // host and port
    std::string path;       // with the query; at least "/"
};

// Nothing if the URL is of another scheme, or has anything that must be
// decoded, removed or joined first: user names, fragments, dot segments,
// characters that are not visible ASCII.
std::optional<HttpTarget> plain_target(std::string_view url);

// Nothing if a header of the call is not "Name: value" in one line.
std::optional<std::string> request_head(const HttpCall &call, const HttpTarget &target);

}  // namespace gateway
