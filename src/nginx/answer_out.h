// Sends a reply, whole or in parts as they arrive. Frees bytes as soon as the client has them. The
// number of unsent bytes decides whether the provider response is paused.
#pragma once

#include <optional>
#include <vector>

#include "core/response/answer.h"
#include "nginx/ngx.h"

namespace gateway {

class AnswerOut {
 public:
    [[nodiscard]] bool is_used() const { return head_.has_value() || begun_; }
    // Does nothing after the end.
    void add(Answer part);
    void break_off() noexcept { broken_ = true; }
    // Whether the last part was added or the reply was broken off.
    [[nodiscard]] bool is_over() const { return ended_ || broken_; }
    // Whether the headers were given to nginx.
    [[nodiscard]] bool has_begun() const { return begun_; }

    // Sends the parts that were added. NGX_AGAIN if the client currently takes no more.
    ngx_int_t send(ngx_http_request_t *r);
    // Whether nginx has all parts including the last.
    [[nodiscard]] bool has_ended() const { return last_given_; }
    // Whether the reply was broken off.
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
    off_t length_ = -1;           // of the body, if it is known before the head is sent
    bool begun_ = false;
    bool ended_ = false;  // the last part was added
    bool broken_ = false;
    Bytes waiting_;            // not given to nginx yet
    bool last_given_ = false;  // nginx has the last part
    std::vector<Sent> sent_;   // given to nginx, and perhaps not sent yet
    size_t gone_ = 0;          // of them, the first ones: sent
    ngx_chain_t *busy_ = nullptr;
    ngx_chain_t *free_ = nullptr;  // for reuse: a reply may have any number of parts
};

// Called by the event loop. Sends the parts that were added. Finalizes the request after the last.
void send_on(ngx_http_request_t *r) noexcept;

}  // namespace gateway
