#include "nginx/read_head.h"

#include <algorithm>
#include <bitset>
#include <iterator>

#include "core/net/address.h"
#include "core/request/header_value.h"
#include "nginx/conf.h"

namespace gateway {

namespace {

constexpr std::string_view kImagesInPath = "/images/";
constexpr std::string_view kAsyncInPath = "/async";

void read_authorization(RequestHead &head, std::string_view value) {
    constexpr std::string_view kScheme = "bearer";
    const size_t space = value.find(' ');
    const std::string_view secret =
        space == std::string_view::npos ? "" : without_blanks(value.substr(space));
    if (secret.empty() || !equal_ignoring_case(value.substr(0, space), kScheme)) {
        head.malformed_credentials = true;
    } else {
        head.credentials.push_back(secret);
    }
}

// Headers that may occur only once: of two values, it would be unclear which one is meant.
struct HeaderField {
    std::string_view lower_case;
    std::string_view name;
    std::string_view RequestHead::*field;
};

constexpr HeaderField kFields[] = {
    {"content-type", "Content-Type", &RequestHead::content_type},
    {"origin", "Origin", &RequestHead::origin},
    {"sec-fetch-site", "Sec-Fetch-Site", &RequestHead::fetch_site},
    {"x-on-behalf-of", "X-On-Behalf-Of", &RequestHead::on_behalf_of},
    {"x-request-id", "X-Request-Id", &RequestHead::request_id},
    {"idempotency-key", "Idempotency-Key", &RequestHead::idempotency_key},
    {"x-image-gateway-fit", "X-Image-Gateway-Fit", &RequestHead::fit},
    {"x-request-timeout", "X-Request-Timeout", &RequestHead::timeout},
    {"x-image-gateway-raw", "X-Image-Gateway-Raw", &RequestHead::raw},
    {"x-image-gateway-webhook", "X-Image-Gateway-Webhook", &RequestHead::webhook},
    {"x-bf-cache-key", "x-bf-cache-key", &RequestHead::cache_key},
    {"x-bf-cache-ttl", "x-bf-cache-ttl", &RequestHead::cache_ttl},
    {"x-bf-async-job-result-ttl", "x-bf-async-job-result-ttl", &RequestHead::job_keep},
};

// The URL under which the client addressed the gateway, for links. Empty if it is not known. Needs
// no escapes in JSON.
std::string base_url_of(ngx_http_request_t *r) {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    const std::string_view host =
        r->headers_in.host == nullptr ? "" : to_view(r->headers_in.host->value);
    if (host.empty() || host.find_first_not_of(std::string(kPlain) + ":[]") != host.npos) {
        return {};
    }
    std::string url = "http";
#if (NGX_HTTP_SSL)
    url += r->connection->ssl != nullptr ? "s" : "";
#endif
    url.append("://").append(host);
    std::string_view path = to_view(r->uri);
    path = path.substr(0, path.rfind(kImagesInPath));
    if (path.ends_with(kAsyncInPath)) {
        path.remove_suffix(kAsyncInPath.size());
    }
    for (const char c : path) {
        if (c == '/' || kPlain.find(c) != kPlain.npos) {
            url += c;
        } else {
            constexpr std::string_view kDigits = "0123456789ABCDEF";
            url += '%';
            url += kDigits[static_cast<uint8_t>(c) >> 4];
            url += kDigits[static_cast<uint8_t>(c) & 15];
        }
    }
    return url;
}

// A client with an IPv6 address usually has its whole /64 network, so only the network counts.
// Clients of a unix socket have no address; all of them together count as one client.
std::string address_of(const ngx_connection_t &connection) {
    const auto address = read_address(connection.sockaddr, connection.socklen);
    constexpr size_t kV4 = 4;
    constexpr size_t kV6Network = 8;
    return address ? std::string(reinterpret_cast<const char *>(address->bytes.data()),
                                 address->v6 ? kV6Network : kV4)
                   : std::string("unix:");
}

std::string_view variable_of(ngx_http_request_t *r, ngx_int_t index) {
    if (index == NGX_ERROR) {
        return {};
    }
    const ngx_http_variable_value_t *value =
        ngx_http_get_indexed_variable(r, static_cast<ngx_uint_t>(index));
    return value == nullptr || value->not_found != 0
               ? std::string_view()
               : std::string_view(reinterpret_cast<const char *>(value->data), value->len);
}

void read_field(RequestHead &head, std::bitset<std::size(kFields)> &seen, std::string_view name,
                std::string_view value) {
    for (size_t i = 0; i < std::size(kFields); ++i) {
        const HeaderField &row = kFields[i];
        if (row.lower_case != name) {
            continue;
        }
        if (seen.test(i) && head.repeated.empty()) {
            head.repeated = row.name;
        }
        seen.set(i);
        head.*row.field = value;
        return;
    }
}

void read_header(RequestHead &head, std::bitset<std::size(kFields)> &seen, std::string_view name,
                 std::string_view value) {
    if (name == "authorization") {
        read_authorization(head, value);
    } else if (name == "x-api-key" || name == "api-key" || name == "x-bf-vk") {
        if (!value.empty()) {
            head.credentials.push_back(value);
        }
    } else if (name == "cache-control") {
        // A list, which may be sent in several lines; only the last one of these counts.
        head.cache_control = value;
    } else if (name == "prefer") {
        head.prefer.append(head.prefer.empty() ? "" : ",").append(value);
    } else if (name == "cookie") {
        head.has_cookie = true;
    } else if (name == "traceparent") {
        IncomingTrace &trace = head.trace;
        trace.is_repeated = trace.is_repeated || !trace.traceparent.empty();
        trace.traceparent = value;
    } else if (name == "tracestate") {
        std::string &state = head.trace.tracestate;
        state.append(state.empty() ? "" : ",").append(value);
    } else {
        read_field(head, seen, name, value);
    }
}

}  // namespace

RequestHead read_head(ngx_http_request_t *r, bool wants_base_url) {
    RequestHead head;
    std::bitset<std::size(kFields)> seen;
    const ngx_list_part_t *part = &r->headers_in.headers.part;
    do {
        const auto *headers = static_cast<const ngx_table_elt_t *>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            const ngx_table_elt_t &header = headers[i];
            read_header(head, seen,
                        {reinterpret_cast<const char *>(header.lowcase_key), header.key.len},
                        without_blanks(to_view(header.value)));
        }
        part = part->next;
    } while (part != nullptr);
    const auto *core = static_cast<const ngx_http_core_loc_conf_t *>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));
    head.marks_end =
        r->http_version >= NGX_HTTP_VERSION_20 ||
        (r->http_version == NGX_HTTP_VERSION_11 && core->chunked_transfer_encoding == 1);
    const MainConf &main = main_conf(r);
    head.trace.otel_trace = variable_of(r, main.otel_trace);
    head.trace.otel_span = variable_of(r, main.otel_span);
    head.address = address_of(*r->connection);
    head.path_model = endpoint_of(r).deployment;
    head.path = to_view(r->uri);
    if (wants_base_url) {
        head.base_url = base_url_of(r);
    }
    return head;
}

Endpoint endpoint_of(ngx_http_request_t *r) {
    const std::string_view path = to_view(r->uri);
    const std::string &prefix = location_conf(r).prefix;
    // A path that does not begin with the prefix was rewritten by the operator.
    const bool is_prefix = !prefix.empty() && path.starts_with(prefix);
    return endpoint_of(path, is_prefix ? prefix.size() : path.size());
}

}  // namespace gateway
