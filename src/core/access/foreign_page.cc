#include "core/access/foreign_page.h"

#include "core/glob.h"

namespace gateway {

std::string_view host_of(std::string_view url) {
    const size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) {
        return {};
    }
    url.remove_prefix(scheme + 3);
    url = url.substr(0, url.find_first_of("/?#"));
    // The colons of an IPv6 address are in brackets.
    const size_t port = url.rfind(':');
    const bool in_brackets = port != std::string_view::npos && url.find(']', port) != url.npos;
    return in_brackets ? url : url.substr(0, port);
}

bool is_from_foreign_page(const RequestHead &head, std::string_view host,
                          std::string_view public_host) {
    // A page cannot change this header. It is also correct if a proxy has changed Host.
    if (head.fetch_site == "same-origin" || head.fetch_site == "none") {
        return false;
    }
    if (head.fetch_site == "cross-site") {
        return true;
    }
    if (head.origin.empty()) {
        return false;
    }
    const std::string_view page = host_of(head.origin);  // empty for "null"
    return page.empty() ||
           (!equal_in_any_case(page, host) && !equal_in_any_case(page, public_host));
}

}  // namespace gateway
