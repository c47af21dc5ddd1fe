#include "core/http/request_head.h"

#include <algorithm>
#include <array>

#include "core/json/text.h"
#include "core/version.h"

namespace gateway {

namespace {

constexpr std::array<bool, 256> kIsOfAuthority = [] {
    std::array<bool, 256> is{};
    for (uint8_t c = 0; c < 128; ++c) {
        is[c] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
    }
    return is;
}();

bool is_of_authority(char c) {
    return kIsOfAuthority[static_cast<uint8_t>(c)];
}

// Visible ASCII without a quote, a backslash and a fragment.
bool is_plain(std::string_view url) {
    return plain_front(url) == url.size() && url.find(' ') == std::string_view::npos &&
           url.find('\x7f') == std::string_view::npos && url.find('#') == std::string_view::npos;
}

std::string_view name_of(HttpMethod method) {
    switch (method) {
        case HttpMethod::get: return "GET ";
        case HttpMethod::post: return "POST ";
        case HttpMethod::put: return "PUT ";
        case HttpMethod::remove: return "DELETE ";
    }
    return "";
}

bool is_control(char c) {
    return static_cast<uint8_t>(c) < 0x20 || c == 0x7f;
}

bool is_one_field(std::string_view line) {
    const size_t colon = line.find(':');
    return colon != 0 && colon != std::string_view::npos &&
           is_visible_ascii(line.substr(0, colon)) &&
           (plain_front(line) == line.size() || std::none_of(line.begin(), line.end(), is_control));
}

// Where the port begins, with its colon; the end if there is none.
size_t end_of_host(std::string_view authority) {
    const size_t bracket = authority.rfind(']');
    return std::min(authority.find(':', bracket == std::string_view::npos ? 0 : bracket),
                    authority.size());
}

// Other forms of hosts are libcurl's: a name that ends by a dot, for example,
// must be compared with certificates without it.
bool is_plain_host(std::string_view authority) {
    const std::string_view host = authority.substr(0, end_of_host(authority));
    const std::string_view port = authority.substr(host.size());
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return !host.empty() && host != "[]" && host.back() != '.' &&
           host.find_first_of("[]", 1) >= host.size() - 1 &&
           (host.front() == '[') == (host.back() == ']') &&
           (port.empty() ||
            (port.size() > 1 && std::all_of(port.begin() + 1, port.end(), is_digit)));
}

}  // namespace

std::string HttpTarget::host() const {
    const std::string_view host = std::string_view(authority).substr(0, end_of_host(authority));
    const bool has_brackets = host.starts_with('[');
    return std::string(has_brackets ? host.substr(1, host.size() - 2) : host);
}

std::string HttpTarget::host_and_port() const {
    const bool has_port = end_of_host(authority) < authority.size();
    return has_port ? authority : authority + (is_secure ? ":443" : ":80");
}

std::optional<HttpTarget> plain_target(std::string_view url) {
    constexpr std::string_view kScheme = "http://";
    constexpr std::string_view kSecure = "https://";
    const bool is_secure = url.starts_with(kSecure);
    if ((!is_secure && !url.starts_with(kScheme)) || !is_plain(url)) {
        return std::nullopt;
    }
    url.remove_prefix(is_secure ? kSecure.size() : kScheme.size());
    const size_t end = std::min({url.find('/'), url.find('?'), url.size()});
    const std::string_view authority = url.substr(0, end);
    const std::string_view path = url.substr(end);
    if (!std::all_of(authority.begin(), authority.end(), is_of_authority) ||
        !is_plain_host(authority) || (!path.empty() && path.front() != '/') ||
        path.substr(0, path.find('?')).find("/.") != std::string_view::npos) {
        return std::nullopt;
    }
    return HttpTarget{is_secure, std::string(authority), path.empty() ? "/" : std::string(path)};
}

std::optional<std::string> request_head(const HttpCall &call, const HttpTarget &target) {
    constexpr std::string_view kVersion = " HTTP/1.1\r\nHost: ";
    constexpr std::string_view kAgent =
        "\r\nUser-Agent: image-gateway/" IMAGE_GATEWAY_VERSION "\r\n";
    constexpr std::string_view kLength = "Content-Length: ";
    constexpr size_t kNumbers = 64;  // the method, a length, and ends of lines
    size_t size = target.path.size() + kVersion.size() + target.authority.size() + kAgent.size() +
                  kLength.size() + kNumbers;
    for (const std::string &line : call.headers) {
        if (!is_one_field(line)) {
            return std::nullopt;
        }
        size += line.size() + 2;
    }
    std::string head;
    head.reserve(size);
    head.append(name_of(call.method)).append(target.path).append(kVersion);
    head.append(target.authority).append(kAgent);
    for (const std::string &line : call.headers) {
        head.append(line).append("\r\n");
    }
    if (call.sends_body()) {
        head.append(kLength).append(std::to_string(call.body.size())).append("\r\n");
    }
    return head.append("\r\n");
}

}  // namespace gateway
