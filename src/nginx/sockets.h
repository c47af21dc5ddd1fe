// curl's sockets as nginx connections: the port SocketPort.
#pragma once

#include <vector>

#include "nginx/ngx.h"
#include "upstream/socket_port.h"

namespace gateway {

class NgxSockets final : public SocketPort {
 public:
    int open(int family, int type, int protocol) noexcept override;
    void close(int socket) noexcept override;
    bool watch(int socket, bool readable, bool writable,
               SocketListener &listener) noexcept override;
    void unwatch(int socket) noexcept override;

    void on_event(ngx_connection_t *connection, Readiness readiness);

 private:
    struct Watched {
        ngx_connection_t *connection = nullptr;
        SocketListener *listener = nullptr;
        bool is_ours = false;  // from open(): the connection is kept until close()
    };
    Watched *find(int socket) noexcept;
    bool attach(int socket, bool is_ours) noexcept;
    void detach(Watched &watched) noexcept;

    std::vector<Watched> by_socket_;
};

}  // namespace gateway
