#include "nginx/send.h"

#include <utility>

#include "nginx/guard.h"
#include "nginx/request_context.h"

namespace gateway {

namespace {

std::string_view keep(ngx_http_request_t *r, std::string_view text) {
    auto *copy = static_cast<u_char *>(ngx_pnalloc(r->pool, text.size() + 1));
    if (copy == nullptr) {
        return {};
    }
    ngx_memcpy(copy, text.data(), text.size());
    return {reinterpret_cast<const char *>(copy), text.size()};
}

}  // namespace

void keep_gzip_away(ngx_http_request_t *r) {
#if (NGX_HTTP_GZIP)
    // Images cannot be compressed further, and trying it would block the event loop.
    r->gzip_tested = 1;
    r->gzip_ok = 0;
#else
    (void)r;
#endif
}

bool add_header(ngx_http_request_t *r, std::string_view name, std::string_view value) {
    const std::string_view kept_name = keep(r, name);
    const std::string_view kept_value = keep(r, value);
    auto *header = static_cast<ngx_table_elt_t *>(ngx_list_push(&r->headers_out.headers));
    if (header == nullptr || kept_name.data() == nullptr || kept_value.data() == nullptr) {
        return false;
    }
    header->hash = 1;
    header->key = to_ngx(kept_name);
    header->value = to_ngx(kept_value);
    unchain(header);
    if (name == "WWW-Authenticate") {
        r->headers_out.www_authenticate = header;
    } else if (name == "Content-Encoding") {
        r->headers_out.content_encoding = header;
    } else if (name == "ETag") {
        r->headers_out.etag = header;
    }
    return true;
}

bool set_headers(ngx_http_request_t *r, const Answer &answer, off_t length) {
    r->headers_out.status = static_cast<ngx_uint_t>(answer.status);
    r->headers_out.content_type = to_ngx(answer.content_type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = nullptr;
    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = length;
    for (const auto &[name, value] : answer.headers) {
        if (!add_header(r, name, value)) {
            return false;
        }
    }
    return true;
}

bool refer_to(ngx_http_request_t *r, ngx_buf_t &buffer, const Slice &slice) {
    if (!slice.text.empty()) {
        const ngx_str_t text = to_ngx(slice.text);
        buffer.pos = buffer.start = text.data;
        buffer.last = buffer.end = text.data + text.len;
        buffer.memory = 1;  // read-only: filters must copy it before they change it
        return true;
    }
    auto *file = static_cast<ngx_file_t *>(ngx_pcalloc(r->pool, sizeof(ngx_file_t)));
    if (file == nullptr) {
        return false;
    }
    file->fd = slice.file.descriptor;
    file->log = r->connection->log;
    buffer.file = file;
    buffer.file_pos = static_cast<off_t>(slice.file.offset);
    buffer.file_last = static_cast<off_t>(slice.file.offset + slice.file.size);
    buffer.in_file = 1;
    return true;
}

ngx_chain_t *make_chain(ngx_http_request_t *r, const Bytes &body) {
    ngx_chain_t *first = nullptr;
    ngx_chain_t **next = &first;
    ngx_buf_t *last = nullptr;
    for (const Slice &slice : body.slices()) {
        auto *buffer = static_cast<ngx_buf_t *>(ngx_calloc_buf(r->pool));
        ngx_chain_t *link = ngx_alloc_chain_link(r->pool);
        if (buffer == nullptr || link == nullptr) {
            return nullptr;
        }
        if (!refer_to(r, *buffer, slice)) {
            return nullptr;
        }
        link->buf = buffer;
        link->next = nullptr;
        *next = link;
        next = &link->next;
        last = buffer;
    }
    if (last != nullptr) {
        last->last_buf = 1;
        last->last_in_chain = 1;
    }
    return first;
}

ngx_int_t send_answer(ngx_http_request_t *r, RequestContext &context, Answer answer) {
    context.answered = true;
    context.out.add(std::move(answer));
    return context.out.send(r);
}

}  // namespace gateway
