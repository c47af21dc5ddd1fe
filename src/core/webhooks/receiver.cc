#include "core/webhooks/receiver.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "core/json/text.h"
#include "core/request/header_value.h"

namespace gateway {

namespace {

constexpr size_t kLongestReceiver = 2048;

ApiError error_receiver(const std::string &what) {
    return ApiError::of(400, "invalid_value", std::string(kWebhookHeader) + " " + what,
                        std::string(kWebhookHeader));
}

struct ReceiverUrl {
    bool https = false;
    std::string_view host;  // IPv6 without brackets
    bool is_v6 = false;
};

bool is_port(std::string_view text) {
    int port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port > 0 && port <= 65535;
}

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

// Reads only what all programs read in the same way.
std::optional<ReceiverUrl> read_receiver(std::string_view url) {
    ReceiverUrl read;
    read.https = url.starts_with("https://");
    if ((!read.https && !url.starts_with("http://")) ||
        url.find_first_of("\\#") != std::string_view::npos) {
        return std::nullopt;
    }
    url.remove_prefix(url.find("://") + 3);
    std::string_view authority = url.substr(0, url.find_first_of("/?"));
    if (authority.starts_with('[')) {
        const size_t end = authority.find(']');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        read.host = authority.substr(1, end - 1);
        read.is_v6 = true;
        authority.remove_prefix(end + 1);
        if (!authority.empty() && !authority.starts_with(':')) {
            return std::nullopt;
        }
    } else {
        const size_t end = std::min(authority.find(':'), authority.size());
        read.host = authority.substr(0, end);
        authority.remove_prefix(end);
        if (!std::all_of(read.host.begin(), read.host.end(), is_host_character)) {
            return std::nullopt;
        }
    }
    const bool has_port = !authority.empty();
    if (read.host.empty() || (has_port && !is_port(authority.substr(1)))) {
        return std::nullopt;
    }
    return read;
}

// Some programs read "127.1", "0x7f000001" or "2130706433" as an IPv4 address.
bool ends_in_number(std::string_view host) {
    if (host.ends_with('.')) {
        host.remove_suffix(1);
    }
    const std::string_view last = host.substr(host.rfind('.') + 1);
    const bool is_hex = last.starts_with("0x") || last.starts_with("0X");
    return is_hex || (!last.empty() && std::all_of(last.begin(), last.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; }));
}

bool is_own_machine(std::string_view host) {
    if (host.ends_with('.')) {
        host.remove_suffix(1);
    }
    constexpr std::string_view kName = "localhost";
    return host.size() >= kName.size() &&
           equal_ignoring_case(host.substr(host.size() - kName.size()), kName) &&
           (host.size() == kName.size() || host[host.size() - kName.size() - 1] == '.');
}

}  // namespace

tl::expected<void, ApiError> check_receiver(std::string_view url, const FetchRules &addresses) {
    if (url.size() > kLongestReceiver || !is_visible_ascii(url)) {
        return tl::unexpected(
            error_receiver("must be a URL of at most 2,048 visible ASCII characters."));
    }
    const auto read = read_receiver(url);
    if (!read) {
        return tl::unexpected(error_receiver(
            "must be a URL such as https://example.com/path, without a user name and a fragment."));
    }
    const bool allows_networks = !addresses.allowed.empty();
    if (!read->https && !allows_networks) {
        return tl::unexpected(error_receiver("must be an https URL."));
    }
    if (read->is_v6 || ends_in_number(read->host)) {
        const auto address = parse_address(read->host);
        if (!address || read->is_v6 != (read->host.find(':') != std::string_view::npos) ||
            !addresses.allow(*address, read->https)) {
            return tl::unexpected(error_receiver(
                "must not lead to an address of this network or of the gateway's machine."));
        }
    } else if (is_own_machine(read->host) && !allows_networks) {
        return tl::unexpected(error_receiver("must not lead to the gateway's own machine."));
    }
    return {};
}

std::string origin_of_receiver(std::string_view url) {
    const size_t host = url.find("://") + 3;
    std::string origin(url.substr(0, url.find_first_of("/?", host)));
    std::transform(origin.begin(), origin.end(), origin.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return origin;
}

}  // namespace gateway
