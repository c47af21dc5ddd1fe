// One call on its way: an easy handle, what it sends and what has arrived. Destroying it cancels
// it.
#pragma once

#include <curl/curl.h>

#include <array>
#include <functional>
#include <memory>

#include "core/http_call.h"
#include "core/json/lifter.h"
#include "core/ports.h"

namespace gateway {

class CurlMulti;

class CurlTransfer final : public UpstreamCall {
 public:
    CurlTransfer(CurlMulti &multi, EventLoop &loop, std::shared_ptr<BlockPool> blocks,
                 HttpCall call, std::function<void(HttpReply)> on_reply);
    ~CurlTransfer() override;
    CurlTransfer(const CurlTransfer &) = delete;
    CurlTransfer &operator=(const CurlTransfer &) = delete;

    [[nodiscard]] CURL *easy() const { return easy_; }
    [[nodiscard]] bool added() const { return added_; }
    void set_added(bool added) { added_ = added; }
    void set_result(CURLcode result) { result_ = result; }

    // Hands the reply over. The transfer may be gone when this returns.
    void deliver();

 private:
    static size_t on_header(char *text, size_t size, size_t count, void *self) noexcept;
    static size_t on_body(char *bytes, size_t size, size_t count, void *self) noexcept;
    static int on_send(void *self, char *, char *, int, int) noexcept;

    static curl_socket_t on_open(void *self, curlsocktype purpose, curl_sockaddr *address) noexcept;

    void configure();
    void take_header(std::string_view line);
    void on_first_byte_timeout();
    [[nodiscard]] Delivery delivery() const;
    [[nodiscard]] bool sent_whole() const;

    CurlMulti &multi_;
    EventLoop &loop_;
    HttpCall call_;
    std::function<void(HttpReply)> on_reply_;
    CURL *easy_;
    curl_slist *headers_ = nullptr;
    std::unique_ptr<Timer> first_byte_timer_;
    Lifter lifter_;
    HttpReply reply_;
    std::array<char, CURL_ERROR_SIZE> error_{};
    CURLcode result_ = CURLE_OK;
    int sends_ = 0;
    bool added_ = false;
    bool too_large_ = false;
    bool no_connection_ = false;
};

}  // namespace gateway
