// A call to a provider by libcurl: an easy handle with its options.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "upstream/call_body_reader.h"
#include "upstream/provider_transfer.h"

namespace gateway {

class CurlTransfer final : public ProviderTransfer {
 public:
    // `tasks` may be null if the call's body has no content in a file.
    CurlTransfer(CurlMulti &multi, CallbackOwner &owner, EventLoop &loop, TaskPool *tasks,
                 std::shared_ptr<BlockPool> blocks, HttpCall &&call, CallListener &&listener);
    ~CurlTransfer() override;
    CurlTransfer(const CurlTransfer &) = delete;
    CurlTransfer &operator=(const CurlTransfer &) = delete;

    [[nodiscard]] bool is_sent() const override;

 private:
    static size_t on_header(char *text, size_t size, size_t count, void *self) noexcept;
    static size_t on_body(char *bytes, size_t size, size_t count, void *self) noexcept;
    static int on_send(void *self, char *, char *, int, int port) noexcept;
    static size_t on_read(char *into, size_t size, size_t count, void *self) noexcept;
    static int on_seek(void *self, curl_off_t offset, int origin) noexcept;
    static curl_socket_t on_open(void *self, curlsocktype purpose, curl_sockaddr *address) noexcept;

    void configure(TaskPool *tasks);
    void configure_body(TaskPool *tasks);
    size_t read_body(std::span<char> into);
    void on_body_ready();
    void keep_connection_for(Milliseconds time);
    void take_header(std::string_view line);
    [[nodiscard]] bool is_resent() const { return sends_ > 1 && call_.method == HttpMethod::post; }
    [[nodiscard]] bool was_never_delivered() const noexcept;

    void resume() noexcept override;
    void time_out() noexcept override;
    void count_sent() noexcept override;
    [[nodiscard]] bool is_running() const noexcept override { return added(); }
    [[nodiscard]] std::optional<size_t> body_length() const override { return promised(); }
    [[nodiscard]] bool is_complete() const override;
    [[nodiscard]] TransferEnd transfer_end() const override;
    [[nodiscard]] const char *why() const override;

    std::unique_ptr<CallBodyReader> request_body_;  // null if curl reads the body in memory
    bool body_failed_ = false;                      // a part of the request could not be read
    size_t header_bytes_ = 0;
    int sends_ = 0;
    int port_ = 0;  // the local port of the first connection
    Time sent_;
    bool undelivered_ = false;  // the first connection delivered nothing of the body
    bool no_connection_ = false;
};

}  // namespace gateway
