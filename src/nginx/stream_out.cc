#include "nginx/stream_out.h"

#include <utility>

#include "nginx/guard.h"
#include "nginx/request_context.h"
#include "nginx/send.h"

namespace gateway {

namespace {

extern "C" void image_gateway_write_stream(ngx_http_request_t *r) {
    send_stream(r);
}

// nginx calls again when the client takes more, or after send_timeout.
ngx_int_t wait_for_client(ngx_http_request_t *r) {
    ngx_event_t *write = r->connection->write;
    const auto *core = static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));
    r->write_event_handler = image_gateway_write_stream;
    if (!write->delayed) {
        ngx_add_timer(write, core->send_timeout);
    }
    return ngx_handle_write_event(write, core->send_lowat);
}

ngx_int_t go_on(ngx_http_request_t *r) {
    ngx_event_t *write = r->connection->write;
    if (write->timedout) {
        return NGX_HTTP_REQUEST_TIME_OUT;
    }
    StreamOut &stream = context_of(r)->stream;
    const ngx_int_t sent = stream.send(r);
    if (sent == NGX_ERROR || sent > NGX_OK || stream.has_ended()) {
        return sent == NGX_AGAIN ? NGX_OK : sent;
    }
    if (r->buffered || (r->connection->buffered & NGX_HTTP_LOWLEVEL_BUFFERED)) {
        return wait_for_client(r) == NGX_OK ? NGX_AGAIN : NGX_ERROR;
    }
    if (write->timer_set) {
        ngx_del_timer(write);
    }
    r->write_event_handler = ngx_http_request_empty_handler;
    return NGX_AGAIN;
}

}  // namespace

void StreamOut::add(Answer part) {
    ended_ = !part.goes_on;
    waiting_.append(part.body);
    if (!is_used()) {
        part.body = Bytes();
        part.goes_on = true;  // it has no length, however few parts there are
        head_ = std::move(part);
    }
}

ngx_int_t StreamOut::send_head(ngx_http_request_t *r) {
    keep_gzip_away(r);
    r->disable_not_modified = 1;
    const bool set = set_headers(r, *head_);
    head_.reset();
    begun_ = true;
    return set ? ngx_http_send_header(r) : NGX_ERROR;
}

ngx_int_t StreamOut::send(ngx_http_request_t *r) {
    if (head_) {
        const ngx_int_t sent = send_head(r);
        if (sent == NGX_ERROR || sent > NGX_OK || r->header_only) {
            return sent;
        }
    }
    ngx_chain_t *chain = nullptr;
    if (!waiting_.empty() || (ended_ && !last_given_)) {
        chain = take_waiting(r);
        if (chain == nullptr) {
            return NGX_ERROR;
        }
    }
    const ngx_int_t sent = ngx_http_output_filter(r, chain);
    forget_sent();
    return sent;
}

ngx_chain_t *StreamOut::take_waiting(ngx_http_request_t *r) {
    const Bytes bytes = std::exchange(waiting_, Bytes());
    if (bytes.empty()) {  // only the end is left to be told
        last_given_ = true;
        ngx_chain_t *link = ngx_alloc_chain_link(r->pool);
        auto *buffer = static_cast<ngx_buf_t *>(ngx_calloc_buf(r->pool));
        if (link == nullptr || buffer == nullptr) {
            return nullptr;
        }
        buffer->last_buf = 1;
        *link = {buffer, nullptr};
        return link;
    }
    ngx_chain_t *chain = make_chain(r, bytes);
    auto slice = bytes.slices().begin();
    for (ngx_chain_t *link = chain; link != nullptr; link = link->next, ++slice) {
        sent_.push_back({link->buf, *slice});
        if (link->next == nullptr) {
            link->buf->flush = 1;
            link->buf->last_buf = ended_ ? 1 : 0;
            link->buf->last_in_chain = 1;
            last_given_ = ended_;
        }
    }
    return chain;
}

void StreamOut::forget_sent() {
    while (!sent_.empty() && ngx_buf_size(sent_.front().buffer) == 0) {
        sent_.pop_front();
    }
}

void send_stream(ngx_http_request_t *r) noexcept {
    // The request may be gone after finalizing, the connection is not.
    ngx_connection_t *connection = r->connection;
    ngx_http_set_log_request(connection->log, r);
    const ngx_int_t result = guard_or<ngx_int_t>("stream", NGX_ERROR, [=] { return go_on(r); });
    if (result != NGX_AGAIN) {
        ngx_http_finalize_request(r, result);
    }
    ngx_http_run_posted_requests(connection);
}

}  // namespace gateway
