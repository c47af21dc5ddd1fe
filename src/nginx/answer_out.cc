#include "nginx/answer_out.h"

#include <cstddef>
#include <utility>

#include "nginx/guard.h"
#include "nginx/request_context.h"
#include "nginx/send.h"

namespace gateway {

namespace {

extern "C" void image_gateway_write_answer(ngx_http_request_t *r) {
    send_on(r);
}

// nginx calls the handler again when the client takes more, or after send_timeout.
ngx_int_t wait_for_client(ngx_http_request_t *r) {
    ngx_event_t *write = r->connection->write;
    const auto *core = static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));
    r->write_event_handler = image_gateway_write_answer;
    if (!write->delayed) {
        ngx_add_timer(write, core->send_timeout);
    }
    return ngx_handle_write_event(write, core->send_lowat) == NGX_OK ? NGX_AGAIN : NGX_ERROR;
}

ngx_int_t go_on(ngx_http_request_t *r) {
    ngx_event_t *write = r->connection->write;
    if (write->timedout) {
        r->connection->timedout = 1;
        return NGX_HTTP_REQUEST_TIME_OUT;
    }
    RequestContext &context = *context_of(r);
    if (context.out.is_broken() && !context.answered) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    const ngx_int_t sent = context.out.send(r);
    if (context.out.is_broken()) {
        return NGX_ERROR;  // closes the connection, so that the client notices it
    }
    if (sent == NGX_ERROR || sent > NGX_OK || r->header_only) {
        return sent;
    }
    context.note_unsent();
    if (r->buffered || r->connection->buffered) {
        return wait_for_client(r);
    }
    if (context.out.has_ended()) {
        return NGX_OK;
    }
    if (write->timer_set) {
        ngx_del_timer(write);
    }
    r->write_event_handler = ngx_http_request_empty_handler;
    return NGX_AGAIN;
}

}  // namespace

void AnswerOut::add(Answer part) {
    if (is_over()) {
        return;
    }
    const bool is_last = !part.goes_on && !part.broken;
    const bool is_broken = part.broken;
    if (is_used()) {
        waiting_.append(part.body);
    } else {
        length_ = part.goes_on ? -1 : static_cast<off_t>(part.body.size());
        waiting_ = std::move(part.body);
        head_ = std::move(part);
    }
    ended_ = is_last;
    broken_ = is_broken;
}

ngx_int_t AnswerOut::send_head(ngx_http_request_t *r) {
    keep_gzip_away(r);
    r->disable_not_modified = 1;  // conditions such as If-Match are for files
    const bool set = set_headers(r, *head_, length_);
    head_.reset();
    begun_ = true;
    return set ? ngx_http_send_header(r) : NGX_ERROR;
}

// Everything that may throw comes before the headers: until they are sent, a 500 is possible.
ngx_int_t AnswerOut::send(ngx_http_request_t *r) {
    ngx_chain_t *chain = nullptr;
    if (!waiting_.empty() || (ended_ && !last_given_)) {
        chain = take_waiting(r);
        if (chain == nullptr) {
            return NGX_ERROR;
        }
    }
    if (head_) {
        const ngx_int_t sent = send_head(r);
        if (sent == NGX_ERROR || sent > NGX_OK || r->header_only) {
            return sent;
        }
    }
    const ngx_int_t sent = ngx_http_output_filter(r, chain);
    forget_sent(r, chain);
    return sent;
}

size_t AnswerOut::unsent() const {
    size_t bytes = waiting_.size();
    for (size_t i = gone_; i < sent_.size(); ++i) {
        bytes += static_cast<size_t>(ngx_buf_size(sent_[i].buffer));
    }
    return bytes;
}

ngx_chain_t *AnswerOut::take_link(ngx_http_request_t *r) {
    ngx_chain_t *link = ngx_chain_get_free_buf(r->pool, &free_);
    if (link != nullptr) {
        *link->buf = ngx_buf_t{};
        link->buf->tag = reinterpret_cast<ngx_buf_tag_t>(&ngx_http_image_gateway_module);
        link->next = nullptr;
    }
    return link;
}

// Without bytes, makes an empty last buffer.
ngx_chain_t *AnswerOut::take_waiting(ngx_http_request_t *r) {
    const Bytes bytes = std::exchange(waiting_, Bytes());
    ngx_chain_t *first = nullptr;
    ngx_chain_t **next = &first;
    ngx_buf_t *last = nullptr;
    if (sent_.empty()) {
        sent_.reserve(bytes.slices().size());
    }
    for (const Slice &slice : bytes.slices()) {
        ngx_chain_t *link = take_link(r);
        if (link == nullptr) {
            return nullptr;
        }
        if (!refer_to(r, *link->buf, slice)) {
            return nullptr;
        }
        sent_.push_back({link->buf, slice});
        last = link->buf;
        *next = link;
        next = &link->next;
    }
    if (last == nullptr) {
        first = take_link(r);
        if (first == nullptr) {
            return nullptr;
        }
        last = first->buf;
    }
    last->flush = ended_ ? 0 : 1;
    last->last_buf = ended_ ? 1 : 0;
    last->last_in_chain = 1;
    last_given_ = ended_;
    return first;
}

void AnswerOut::forget_sent(ngx_http_request_t *r, ngx_chain_t *chain) {
    while (gone_ < sent_.size() && ngx_buf_size(sent_[gone_].buffer) == 0) {
        sent_[gone_++] = {};
    }
    if (2 * gone_ >= sent_.size()) {
        sent_.erase(sent_.begin(), sent_.begin() + static_cast<std::ptrdiff_t>(gone_));
        gone_ = 0;
    }
    ngx_chain_update_chains(r->pool, &free_, &busy_, &chain,
                            reinterpret_cast<ngx_buf_tag_t>(&ngx_http_image_gateway_module));
}

void send_on(ngx_http_request_t *r) noexcept {
    // After finalizing, the request may be freed. The connection is not.
    ngx_connection_t *connection = r->connection;
    ngx_http_set_log_request(connection->log, r);
    ngx_int_t result = NGX_AGAIN;
    RequestContext &context = *find_context(r);
    if (!guard("answer", [&] { result = go_on(r); })) {
        context.answered = context.out.has_begun();
        result = context.answered ? NGX_ERROR : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (result != NGX_AGAIN) {
        ngx_http_finalize_request(r, result);
    }
    ngx_http_run_posted_requests(connection);
}

}  // namespace gateway
