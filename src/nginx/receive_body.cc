#include "nginx/receive_body.h"

#include <algorithm>

#include "nginx/guard.h"
#include "nginx/request_context.h"
#include "nginx/spool_files.h"

namespace gateway {

namespace {

size_t size_of(const ngx_chain_t *chain) {
    size_t size = 0;
    for (; chain != nullptr; chain = chain->next) {
        size += static_cast<size_t>(ngx_buf_size(chain->buf));
    }
    return size;
}

// False if a file cannot be read. Only a body that another module has put together is partly in a
// file.
bool append_buffer(ngx_buf_t &buffer, std::string &text) {
    const auto length = static_cast<size_t>(ngx_buf_size(&buffer));
    if (length == 0) {
        return true;  // an empty buffer may have no memory
    }
    if (!buffer.in_file) {
        text.append(reinterpret_cast<const char *>(buffer.pos), length);
        return true;
    }
    const size_t start = text.size();
    text.resize(start + length);
    const ssize_t read = ngx_read_file(buffer.file, reinterpret_cast<u_char *>(text.data()) + start,
                                       length, buffer.file_pos);
    return read == static_cast<ssize_t>(length);
}

// Images in JSON are decoded into a second file, which takes three quarters of their text.
size_t disk_for(size_t body) {
    return body + body / 4 * 3;
}

bool takes_images(const LocationConf &location, const EndpointRow &endpoint) {
    return endpoint.takes_form || !location.policy.profile->generation_images.empty();
}

}  // namespace

size_t max_body(const LocationConf &location) {
    return std::max(location.body_max, location.policy.body.images.total_bytes);
}

size_t max_body(const LocationConf &location, const EndpointRow &endpoint) {
    return endpoint.takes_form                ? location.policy.body.images.total_bytes
           : takes_images(location, endpoint) ? max_body(location)
                                              : location.body_max;
}

BodySize needs_of_body(const ngx_http_request_t &r, const LocationConf &location,
                       const EndpointRow &endpoint) {
    const size_t max = max_body(location, endpoint);
    if (r.headers_in.content_length_n < 0) {
        return {r.headers_in.chunked != 0 ? kBodyBuffer : 0, 0, r.headers_in.chunked != 0};
    }
    const size_t size = std::min(static_cast<size_t>(r.headers_in.content_length_n), max);
    const bool is_file = size > kBodyBuffer;
    return {std::min(size, kBodyBuffer), is_file ? disk_for(size) : 0, is_file};
}

namespace {

ngx_http_request_body_filter_pt next_request_body_filter;

bool may_grow(ngx_http_request_t *r, ngx_chain_t *in) {
    RequestContext *context = r == r->main ? find_context(r) : nullptr;
    if (context == nullptr || context->exchange() == nullptr ||
        r->headers_in.content_length_n >= 0) {
        return true;
    }
    context->body_received += size_of(in);
    const size_t received = context->body_received;
    return received <= kBodyBuffer ||
           context->exchange(location_conf(r)).hold_disk(disk_for(received));
}

extern "C" ngx_int_t image_gateway_request_body_filter(ngx_http_request_t *r, ngx_chain_t *in) {
    const bool grows = guard_or("body filter", false, [=] { return may_grow(r, in); });
    return grows ? next_request_body_filter(r, in) : NGX_HTTP_INSUFFICIENT_STORAGE;
}

}  // namespace

ngx_int_t install_body_filter(ngx_conf_t * /*cf*/) noexcept {
    next_request_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = image_gateway_request_body_filter;
    return NGX_OK;
}

// nginx receives a small body into one buffer, as requested, and a large one into a file. But the
// body can also be in several buffers: another location may have read it first, under its own
// limits.
ngx_int_t take_body(ngx_http_request_t *r, const EndpointRow &endpoint, ReceivedBody &body) {
    ngx_chain_t *chain = r->request_body == nullptr ? nullptr : r->request_body->bufs;
    const size_t size = size_of(chain);
    if (size > max_body(location_conf(r), endpoint)) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }
    if (size > 0 && chain->next == nullptr && chain->buf->in_file && chain->buf->file_pos == 0) {
        body.file = keep_body_file(*chain->buf->file);
        body.size = size;
        return body.file == nullptr ? NGX_HTTP_SERVICE_UNAVAILABLE : NGX_OK;
    }
    body.text.reserve(size);
    for (const ngx_chain_t *link = chain; link != nullptr; link = link->next) {
        if (!append_buffer(*link->buf, body.text)) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return NGX_OK;
}

}  // namespace gateway
