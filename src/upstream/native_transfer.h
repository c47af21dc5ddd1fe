// A call to a provider by HTTP/1.1 of our own, over a connection that libcurl
// opened.
//
//   connecting ─▶ in progress: sends the request and reads the response ─▶
//   ended
//        ▲             │
//        └─────────────┘ a kept connection was closed, and the request may be
//        repeated
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/http/request_head.h"
#include "core/http/response_parser.h"
#include "upstream/call_body_reader.h"
#include "upstream/connecting.h"
#include "upstream/kept_connections.h"
#include "upstream/provider_transfer.h"
#include "upstream/socket_port.h"

namespace gateway {

class NativeTransfer final : public ProviderTransfer, private SocketListener {
 public:
    // `tasks` may be null if the call's body has no content in a file.
    NativeTransfer(CurlMulti &multi, CallbackOwner &owner, EventLoop &loop, TaskPool *tasks,
                   std::shared_ptr<BlockPool> blocks, KeptConnections &connections,
                   HttpTarget target, HttpCall &&call, CallListener &&listener);
    ~NativeTransfer() override;
    NativeTransfer(const NativeTransfer &) = delete;
    NativeTransfer &operator=(const NativeTransfer &) = delete;

    [[nodiscard]] bool is_sent() const override { return has_sent_all_; }

 private:
    void connect();
    void on_connected(Connecting::End end);
    void begin(Connection connection);
    void on_ready(int socket, Readiness readiness) noexcept override;
    template <typename Step>
    void take_step(Step step) noexcept;
    [[nodiscard]] std::string route() const;
    void watch_socket();

    void send_more();
    void send_text(size_t head_size);
    void send_read_body();
    [[nodiscard]] std::optional<size_t> send_once(std::span<const iovec> parts);
    void on_all_sent();
    void on_body_ready();

    void read_more();
    void take_bytes(std::string_view bytes);
    bool take_body_piece(std::string_view piece);
    void take_kept();
    void note_head();
    void complete(bool has_more);
    void on_closed(const char *problem);
    void repeat();
    [[nodiscard]] bool was_never_delivered() const noexcept;
    void fail(std::string_view problem);
    void end() noexcept;
    void close_connection() noexcept;

    void resume() noexcept override;
    void time_out() noexcept override;
    [[nodiscard]] bool is_running() const noexcept override { return !is_over_; }
    [[nodiscard]] std::optional<size_t> body_length() const override;
    [[nodiscard]] bool is_complete() const override { return is_complete_; }
    [[nodiscard]] TransferEnd transfer_end() const override;
    [[nodiscard]] const char *why() const override { return problem_.c_str(); }

    EventLoop &loop_;
    KeptConnections &connections_;
    HttpTarget target_;
    std::string head_;
    std::unique_ptr<CallBodyReader> request_body_;  // null if the body lies in memory
    std::string piece_;                             // of the body, being sent
    std::unique_ptr<Connecting> connecting_;
    std::unique_ptr<Connecting> failed_connecting_;  // kept until its callback has returned
    std::optional<Connection> connection_;
    size_t sent_ = 0;           // bytes of head and body
    uint64_t sent_before_ = 0;  // bytes of TLS, before this request
    size_t piece_sent_ = 0;     // of the piece
    Time sent_at_;
    bool has_sent_all_ = false;
    bool stops_sending_ = false;
    bool waits_to_send_ = false;  // until the socket takes more
    bool reads_ = true;           // else the response is paused
    bool has_response_ = false;   // a byte of it has come
    bool has_noted_head_ = false;
    bool has_repeated_ = false;
    ResponseParser parser_;
    std::string kept_;  // received while paused: a piece of the body,
    std::string rest_;  // and what comes behind it, which the parser has not seen
    // How it ended:
    bool is_over_ = false;
    bool is_complete_ = false;
    bool is_timed_out_ = false;
    bool is_dead_ = false;  // a kept connection was closed before a response
    bool is_undelivered_ = false;
    bool has_no_room_ = false;
    bool body_failed_ = false;
    std::string problem_;
};

}  // namespace gateway
