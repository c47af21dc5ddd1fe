// A stream on its way out: its parts as they come, each gone from memory when the client has it.
#pragma once

#include <deque>
#include <optional>

#include "core/response/answer.h"
#include "nginx/ngx.h"

namespace gateway {

class StreamOut {
 public:
    [[nodiscard]] bool is_used() const { return head_.has_value() || begun_; }
    void add(Answer part);

    // Sends what has come; NGX_AGAIN when the client takes no more just now.
    ngx_int_t send(ngx_http_request_t *r);
    [[nodiscard]] bool has_ended() const { return ended_ && waiting_.empty(); }

 private:
    ngx_int_t send_head(ngx_http_request_t *r);
    ngx_chain_t *take_waiting(ngx_http_request_t *r);
    void forget_sent();

    struct Sent {
        ngx_buf_t *buffer;
        Slice slice;
    };

    std::optional<Answer> head_;  // until it is sent
    bool begun_ = false;
    bool ended_ = false;       // no part comes after those that have come
    Bytes waiting_;            // that nginx does not have yet
    bool last_given_ = false;  // nginx has been told of the end
    std::deque<Sent> sent_;    // that it has, and may not have sent
};

// From the event loop: sends what has come, and finalizes the request after the last of it.
void send_stream(ngx_http_request_t *r) noexcept;

}  // namespace gateway
