// An answer on its way out: whole, or its parts as they come. What the client has is gone from
// memory at once, and how much it has not decides whether more is asked for.
#pragma once

#include <list>
#include <optional>

#include "core/response/answer.h"
#include "nginx/ngx.h"

namespace gateway {

class AnswerOut {
 public:
    [[nodiscard]] bool is_used() const { return head_.has_value() || begun_; }
    // Nothing comes after the end.
    void add(Answer part);
    void break_off() noexcept { broken_ = true; }
    // Its end has come, good or bad.
    [[nodiscard]] bool is_over() const { return ended_ || broken_; }
    // The client has something of it.
    [[nodiscard]] bool has_begun() const { return begun_; }

    // Sends what has come; NGX_AGAIN when the client takes no more just now.
    ngx_int_t send(ngx_http_request_t *r);
    // No part comes any more, and nginx has all of them.
    [[nodiscard]] bool has_ended() const { return last_given_; }
    // It cannot be told to its end.
    [[nodiscard]] bool is_broken() const { return broken_; }
    // Bytes that the client has not taken.
    [[nodiscard]] size_t unsent() const;

 private:
    ngx_int_t send_head(ngx_http_request_t *r);
    ngx_chain_t *take_waiting(ngx_http_request_t *r);
    ngx_chain_t *take_link(ngx_http_request_t *r);
    void forget_sent(ngx_http_request_t *r, ngx_chain_t *chain);

    struct Sent {
        ngx_buf_t *buffer;
        Slice slice;
    };

    std::optional<Answer> head_;  // until it is sent
    bool begun_ = false;
    bool ended_ = false;  // no part comes after those that have come
    bool broken_ = false;
    Bytes waiting_;            // that nginx does not have yet
    bool last_given_ = false;  // nginx has been told of the end
    std::list<Sent> sent_;     // that it has, and may not have sent
    ngx_chain_t *busy_ = nullptr;
    ngx_chain_t *free_ = nullptr;  // to be used again: an answer may have any number of pieces
};

// From the event loop: sends what has come, and finalizes the request after the last of it.
void send_on(ngx_http_request_t *r) noexcept;

}  // namespace gateway
