#include "nginx/receive_body.h"

#include <algorithm>

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

bool takes_images(const LocationConf &location, const EndpointRow &endpoint) {
    return endpoint.takes_form || !location.policy.profile->generation_images.empty();
}

}  // namespace

size_t max_body(const LocationConf &location) {
    return std::max(location.body_max, location.policy.body.images.total_bytes);
}

size_t max_body(const LocationConf &location, const EndpointRow &endpoint) {
    return takes_images(location, endpoint) ? max_body(location) : location.body_max;
}

BodyNeeds needs_of_body(const ngx_http_request_t &r, const LocationConf &location,
                        const EndpointRow &endpoint) {
    const size_t max = max_body(location, endpoint);
    const size_t size = r.headers_in.content_length_n >= 0
                            ? std::min(static_cast<size_t>(r.headers_in.content_length_n), max)
                        : r.headers_in.chunked != 0 ? max
                                                    : 0;
    // Images in JSON are decoded into a second file, which takes three quarters of their text.
    return {std::min(size, kBodyBuffer), size <= kBodyBuffer ? 0 : size + size / 4 * 3};
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
