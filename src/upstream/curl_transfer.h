// One call on its way: an easy handle, what it sends and what has arrived. Destroying it cancels
// it.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>

#include "core/http_call.h"
#include "core/images/base64_stream.h"
#include "core/json/lifter.h"
#include "core/ports.h"
#include "upstream/curl_job.h"

namespace gateway {

class CurlTransfer final : public UpstreamCall, private CurlJob {
 public:
    CurlTransfer(CurlMulti &multi, EventLoop &loop, std::shared_ptr<BlockPool> blocks,
                 HttpCall call, CallListener listener);
    ~CurlTransfer() override;
    CurlTransfer(const CurlTransfer &) = delete;
    CurlTransfer &operator=(const CurlTransfer &) = delete;

    [[nodiscard]] bool is_sent() const override;
    void hold(bool held) override;

 private:
    void hear() override;
    void deliver() override;

    static size_t on_header(char *text, size_t size, size_t count, void *self) noexcept;
    static size_t on_body(char *bytes, size_t size, size_t count, void *self) noexcept;
    static int on_send(void *self, char *, char *, int, int) noexcept;

    static curl_socket_t on_open(void *self, curlsocktype purpose, curl_sockaddr *address) noexcept;

    void configure();
    void take_header(std::string_view line);
    [[nodiscard]] bool must_wait() const;
    void take_body(std::string_view bytes);
    void pass_on();
    [[nodiscard]] bool is_picture_begun();
    void go_on();
    void on_first_byte_timeout();
    void watch_for_stall(Milliseconds delay);
    void on_stall_check();
    [[nodiscard]] bool is_resent() const { return sends_ > 1 && call_.method == HttpMethod::post; }
    [[nodiscard]] Delivery delivery() const;

    EventLoop &loop_;
    HttpCall call_;
    CallListener listener_;
    std::unique_ptr<Timer> first_byte_timer_;
    std::unique_ptr<Timer> stall_timer_;
    std::chrono::steady_clock::time_point last_byte_;
    Lifter lifter_;
    Base64Writer picture_;
    EventReader events_;
    // Until curl has returned:
    std::deque<ServerEvent> waiting_;
    Bytes pieces_;
    size_t unheard_ = 0;    // bytes of these
    size_t next_look_ = 0;  // for the beginning of a picture, when so much of it is there
    bool held_ = false;
    bool paused_ = false;
    size_t received_ = 0;
    bool is_picture_ = false;
    HttpReply reply_;
    int sends_ = 0;
    bool too_large_ = false;
    bool no_connection_ = false;
};

}  // namespace gateway
