// Opens a connection to a provider: libcurl resolves the name, connects, and
// asks a proxy; TLS is ours.
//
//   connecting (CurlConnect) ─▶ shaking hands, with TLS ─▶ ended: on_end
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/http/request_head.h"
#include "core/ports.h"
#include "upstream/connection.h"
#include "upstream/curl_connect.h"
#include "upstream/kept_connections.h"
#include "upstream/socket_port.h"

namespace gateway {

class Connecting final : private SocketListener {
 public:
    struct End {
        std::optional<Connection> connection;  // nothing: it failed
        bool has_room = true;                  // whether this worker had room for a socket
        const char *problem = "";              // valid until the call ends
    };
    struct Way {
        const HttpTarget &target;
        const std::string &proxy;
        const std::string &ca_file;
    };
    // `on_end` is called once. It may destroy this if it gets a connection. What it throws ends the
    // owner.
    Connecting(CurlMulti &multi, CallbackOwner &owner, EventLoop &loop,
               KeptConnections &connections, const Way &way, Milliseconds timeout,
               std::function<void(End)> on_end);
    ~Connecting() override;
    Connecting(const Connecting &) = delete;
    Connecting &operator=(const Connecting &) = delete;

 private:
    void on_connected(const CurlConnect::End &end);
    void begin_tls();
    void on_ready(int socket, Readiness readiness) noexcept override;
    void shake_hands();
    void finish();
    void fail(const char *problem, bool has_room = true);

    CurlMulti &multi_;
    CallbackOwner &owner_;
    EventLoop &loop_;
    KeptConnections &connections_;
    std::function<void(End)> on_end_;
    Connection::Time ends_at_;
    std::string host_;  // with TLS
    std::string ca_file_;
    std::string route_;
    std::unique_ptr<CurlConnect> connect_;
    std::unique_ptr<Alarm> alarm_;  // while hands are shaken
    std::optional<Connection> connection_;
};

}  // namespace gateway
