// The idle connections of the calls that the gateway makes itself, without
// libcurl's HTTP.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/request_head.h"
#include "core/ports.h"
#include "upstream/connection.h"
#include "upstream/idle_connections.h"
#include "upstream/socket_port.h"
#include "upstream/tls_contexts.h"

namespace gateway {

class KeptConnections final : public SocketListener {
 public:
    KeptConnections(const Clock &clock, EventLoop &loop, SocketPort &sockets);
    ~KeptConnections() override;
    KeptConnections(const KeptConnections &) = delete;
    KeptConnections &operator=(const KeptConnections &) = delete;

    // The route of connections to this target.
    static std::string route(const HttpTarget &target, std::string_view proxy,
                             std::string_view ca_file);
    // A new connection, whose socket is this object's from now on.
    Connection adopt(int socket, std::string route);
    // An idle connection that is not older than this and at which nothing has
    // arrived.
    std::optional<Connection> take(std::string_view route, Milliseconds max_idle);
    // Keeps it for at most this time, which must be the provider's.
    void give_back(Connection connection, Milliseconds max_idle) noexcept;
    void close(Connection &connection) noexcept;
    // False if the loop has no room.
    bool watch(const Connection &connection, bool readable, bool writable,
               SocketListener &listener) noexcept {
        return sockets_.watch(connection.socket, readable, writable, listener);
    }

    [[nodiscard]] TlsContexts &tls() { return tls_; }
    // Memory to receive into, for one reader at a time.
    [[nodiscard]] std::span<char> buffer() const { return {buffer_.get(), kBuffer}; }

 private:
    using Time = Connection::Time;
    static constexpr size_t kBuffer = size_t{128} * 1024;

    struct Idle {
        Connection connection;
        Time since;
        Milliseconds max_idle{0};
    };

    void on_ready(int socket, Readiness readiness) noexcept override;
    void on_alarm() noexcept;
    void drop(size_t place) noexcept;

    SocketPort &sockets_;
    TlsContexts tls_;
    std::unique_ptr<Alarm> alarm_;  // set while there are idle connections
    IdleConnections lifetimes_;
    std::vector<Idle> idle_;
    std::unique_ptr<char[]> buffer_;
};

}  // namespace gateway
