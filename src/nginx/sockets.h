// Implements the port SocketPort: curl's sockets as nginx connections.
#pragma once

#include <sys/types.h>

#include <vector>

#include "nginx/ngx.h"
#include "upstream/socket_port.h"

namespace gateway {

class NgxSockets final : public SocketPort {
 public:
    NgxSockets() = default;
    ~NgxSockets() override;
    NgxSockets(const NgxSockets &) = delete;
    NgxSockets &operator=(const NgxSockets &) = delete;

    int open(int family, int type, int protocol) noexcept override;
    void close(int socket) noexcept override;
    bool watch(int socket, bool readable, bool writable,
               SocketListener &listener) noexcept override;
    void unwatch(int socket, const SocketListener &listener) noexcept override;
    void forget_earlier(int socket) noexcept override;

    void on_event(ngx_connection_t *connection, Readiness readiness) noexcept;

    // Releases connections whose sockets curl has closed without close(). curl 7.88 does so with a
    // socket that is still connecting.
    void sweep() noexcept;

 private:
    struct Watched {
        ngx_connection_t *connection = nullptr;
        SocketListener *listener = nullptr;
        SocketListener *last_listener = nullptr;  // while it is not watched
        ino_t inode = 0;       // identifies the socket, because descriptor numbers are reused
        bool is_ours = false;  // opened by open(): the connection is kept until close()
    };
    Watched *find(int socket) noexcept;
    bool attach(int socket, bool is_ours) noexcept;
    void detach(Watched &watched) noexcept;
    [[nodiscard]] static bool is_still_open(const Watched &watched) noexcept;

    std::vector<Watched> by_socket_;
};

}  // namespace gateway
