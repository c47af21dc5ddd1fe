// Serves the page of image_gateway_page, which is in memory. nginx's own filters answer
// If-None-Match.
#include <string>

#include "core/html/page.h"
#include "nginx/conf.h"
#include "nginx/guard.h"
#include "nginx/send.h"

namespace gateway {

namespace {

bool takes_gzip(ngx_http_request_t *r) {
#if (NGX_HTTP_GZIP)
    return ngx_http_gzip_ok(r) == NGX_OK;
#else
    (void)r;
    return false;
#endif
}

bool set_page_headers(ngx_http_request_t *r, const Page &page, bool compressed) {
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_type = ngx_string("text/html; charset=utf-8");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = nullptr;
    r->headers_out.content_length_n =
        static_cast<off_t>(compressed ? page.gzip.size() : page.html.size());
    return (!compressed || add_header(r, "Content-Encoding", "gzip")) &&
           add_header(r, "ETag", "\"" + page.tag + (compressed ? "-gzip\"" : "\"")) &&
           add_header(r, "Vary", "Accept-Encoding") &&
           // The browser asks each time, and gets a 304 while nothing has changed.
           add_header(r, "Cache-Control", "no-cache") &&
           add_header(r, "Content-Security-Policy", page.policy) &&
           add_header(r, "X-Content-Type-Options", "nosniff") &&
           add_header(r, "Referrer-Policy", "no-referrer") &&
           add_header(r, "Cross-Origin-Opener-Policy", "same-origin");
}

ngx_int_t serve_page(ngx_http_request_t *r) {
    const Page &page = *location_conf(r).page;
    if ((r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) == 0) {
        return add_header(r, "Allow", "GET, HEAD") ? NGX_HTTP_NOT_ALLOWED
                                                   : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (const ngx_int_t discarded = ngx_http_discard_request_body(r); discarded != NGX_OK) {
        return discarded;
    }
    const bool compressed = takes_gzip(r);
    auto *buffer = static_cast<ngx_buf_t *>(ngx_calloc_buf(r->pool));
    if (buffer == nullptr || !set_page_headers(r, page, compressed)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    const ngx_int_t sent = ngx_http_send_header(r);
    if (sent == NGX_ERROR || sent > NGX_OK || r->header_only != 0) {
        return sent;
    }
    const ngx_str_t text = to_ngx(compressed ? page.gzip : page.html);
    buffer->pos = buffer->start = text.data;
    buffer->last = buffer->end = text.data + text.len;
    buffer->memory = 1;  // read-only: filters must copy it before they change it
    buffer->last_buf = r == r->main ? 1 : 0;
    buffer->last_in_chain = 1;
    ngx_chain_t out = {buffer, nullptr};
    return ngx_http_output_filter(r, &out);
}

}  // namespace

ngx_int_t page_handler(ngx_http_request_t *r) noexcept {
    return guard_or<ngx_int_t>("page", NGX_HTTP_INTERNAL_SERVER_ERROR,
                               [=] { return serve_page(r); });
}

}  // namespace gateway
