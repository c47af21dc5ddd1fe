#include "nginx/cors.h"

#include <algorithm>

#include "core/json/text.h"
#include "core/limits/quotas.h"
#include "nginx/conf_error.h"
#include "nginx/send.h"

namespace gateway {

namespace {

// The value of a request header. Empty if there is none.
std::string_view header_of(ngx_http_request_t *r, std::string_view lower_case_name) {
    const ngx_list_part_t *part = &r->headers_in.headers.part;
    for (; part != nullptr; part = part->next) {
        const auto *headers = static_cast<const ngx_table_elt_t *>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            const std::string_view name{reinterpret_cast<const char *>(headers[i].lowcase_key),
                                        headers[i].key.len};
            if (name == lower_case_name) {
                return to_view(headers[i].value);
            }
        }
    }
    return {};
}

// Whether the text is an origin such as "https://app.example.com:8443", without a path.
bool is_origin(std::string_view text) {
    const size_t scheme = text.find("://");
    return scheme != std::string_view::npos && scheme > 0 && is_visible_ascii(text) &&
           text.size() > scheme + 3 &&
           text.find_first_of("/?#,*@", scheme + 3) == std::string_view::npos;
}

// What pages may read of an answer besides what browsers always show them.
std::string exposed_headers() {
    std::string all =
        "x-request-id, Server-Timing, Retry-After, x-should-retry, Location, "
        "Preference-Applied, Idempotent-Replayed, Age, Cache-Status";
    for (const QuotaHeaders &row : kQuotaHeaders) {
        for (const std::string_view header : {row.limit, row.remaining, row.reset}) {
            all.append(", ").append(header);
        }
    }
    return all;
}

// Whether the text is a list of header names, as browsers send it.
bool is_header_list(std::string_view text) {
    constexpr size_t kLongest = 2048;
    return !text.empty() && text.size() <= kLongest &&
           text.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
               "-_, ") == std::string_view::npos;
}

}  // namespace

bool Cors::allows(std::string_view origin) const {
    return !origin.empty() &&
           (any || std::find(origins.begin(), origins.end(), origin) != origins.end());
}

Cors read_cors(const ngx_str_t *arguments, size_t count) {
    Cors cors;
    for (size_t i = 0; i < count; ++i) {
        const std::string_view text = to_view(arguments[i]);
        if ((text == "off" || text == "*") && count > 1) {
            throw ConfError{"\"" + std::string(text) + "\" must be the only argument"};
        }
        if (text == "off") {
            continue;
        }
        if (text == "*") {
            cors.any = true;
        } else if (is_origin(text)) {
            cors.origins.emplace_back(text);
        } else {
            throw ConfError{"invalid origin \"" + std::string(text) +
                            "\", expected off, * or something like https://app.example.com"};
        }
    }
    return cors;
}

bool is_preflight(ngx_http_request_t *r, const Cors &cors) {
    return r->method == NGX_HTTP_OPTIONS && cors.on() && cors.allows(header_of(r, "origin")) &&
           !header_of(r, "access-control-request-method").empty();
}

bool add_cors_headers(ngx_http_request_t *r, const Cors &cors) {
    if (!cors.on()) {
        return true;
    }
    // Tells caches that the reply depends on the origin.
    if (!cors.any && !add_header(r, "Vary", "Origin")) {
        return false;
    }
    const std::string_view origin = header_of(r, "origin");
    if (!cors.allows(origin)) {
        return true;
    }
    bool added = cors.any ? add_header(r, "Access-Control-Allow-Origin", "*")
                          : add_header(r, "Access-Control-Allow-Origin", origin) &&
                                add_header(r, "Access-Control-Allow-Credentials", "true");
    if (!is_preflight(r, cors)) {
        static const std::string kExposed = exposed_headers();
        return added && add_header(r, "Access-Control-Expose-Headers", kExposed);
    }
    const std::string_view wanted = header_of(r, "access-control-request-headers");
    added = added && add_header(r, "Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS") &&
            add_header(r, "Access-Control-Max-Age", "3600");
    // SDKs send their own headers. None of them has an effect that the key does not allow.
    return added &&
           (!is_header_list(wanted) || add_header(r, "Access-Control-Allow-Headers", wanted));
}

}  // namespace gateway
