#include "core/net/origin.h"

#include <algorithm>
#include <optional>
#include <string>

namespace gateway {

namespace {

struct Origin {
    std::string scheme;
    std::string host;  // in lower case
    std::string port;
    bool operator==(const Origin &) const = default;
};

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '[' ||
           c == ']' || c == ':';
}

std::string lower(std::string_view text) {
    std::string lowered(text);
    for (char &c : lowered) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c + ('a' - 'A'));
        }
    }
    return lowered;
}

std::optional<Origin> origin_of(std::string_view url) {
    // Rejects characters that curl might parse differently.
    if (std::any_of(url.begin(), url.end(),
                    [](char c) { return c <= ' ' || c > '~' || c == '\\'; })) {
        return std::nullopt;
    }
    const size_t colon = url.find("://");
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    Origin origin;
    origin.scheme = lower(url.substr(0, colon));
    if (origin.scheme != "http" && origin.scheme != "https") {
        return std::nullopt;
    }
    const std::string_view rest = url.substr(colon + 3);
    std::string authority = lower(rest.substr(0, rest.find_first_of("/?#")));
    if (!std::all_of(authority.begin(), authority.end(), is_host_character)) {
        return std::nullopt;
    }
    const size_t bracket = authority.rfind(']');
    const size_t port = authority.find(':', bracket == std::string::npos ? 0 : bracket);
    origin.port = origin.scheme == "https" ? "443" : "80";
    if (port != std::string::npos) {
        if (port + 1 < authority.size()) {
            origin.port = authority.substr(port + 1);
        }
        authority.resize(port);
    }
    origin.host = std::move(authority);
    return origin.host.empty() ? std::nullopt : std::optional(std::move(origin));
}

bool matches(std::string_view host, std::string_view pattern) {
    while (!host.empty() && !pattern.empty()) {
        const size_t host_dot = std::min(host.find('.'), host.size());
        const size_t pattern_dot = std::min(pattern.find('.'), pattern.size());
        const std::string_view label = host.substr(0, host_dot);
        if (label.empty() ||
            (pattern.substr(0, pattern_dot) != "*" && label != pattern.substr(0, pattern_dot))) {
            return false;
        }
        host.remove_prefix(std::min(host.size(), host_dot + 1));
        pattern.remove_prefix(std::min(pattern.size(), pattern_dot + 1));
    }
    return host.empty() && pattern.empty();
}

}  // namespace

bool is_own_address(std::string_view url, std::string_view own,
                    std::span<const std::string_view> patterns) {
    const auto origin = origin_of(url);
    if (!origin) {
        return false;
    }
    if (origin == origin_of(own)) {
        return true;
    }
    return origin->scheme == "https" && origin->port == "443" &&
           std::any_of(patterns.begin(), patterns.end(),
                       [&](std::string_view pattern) { return matches(origin->host, pattern); });
}

}  // namespace gateway
