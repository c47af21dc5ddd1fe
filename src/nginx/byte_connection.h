// Implements the port ByteStreams: a connection of nginx's event loop to a host or a unix socket,
// with or without TLS. Names are looked up by the task pool, anew for each connection.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "core/callback_owner.h"
#include "core/ports.h"
#include "nginx/event_loop.h"
#include "nginx/ngx.h"
#include "redis/byte_stream.h"

namespace gateway {

struct StreamTarget {
    std::string socket;  // the path of a unix socket; empty: host and port
    std::string host;
    int port = 0;
    ngx_ssl_t *tls = nullptr;  // null: without TLS
};

class NgxByteStreams final : public ByteStreams {
 public:
    // All arguments must outlive the streams.
    NgxByteStreams(const StreamTarget &target, TaskPool &tasks, EventLoop &loop,
                   CallbackOwner &owner);

    std::unique_ptr<ByteStream> open(StreamListener &listener) override;

    // What streams that follow each other share.
    struct Shared {
        std::atomic<bool> looks_up{false};  // a thread does, for a stream that may be gone
        size_t attempts = 0;                // so that each begins with another address of a name
    };

 private:
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
    const StreamTarget &target_;
    TaskPool &tasks_;
    EventLoop &loop_;
    CallbackOwner &owner_;
    // nginx would log each attempt that fails. The user of the stream says what is wrong, and how
    // often.
    ngx_log_t quiet_log_;
};

// Makes the settings of TLS for connections to a server, with these files: certificates to trust
// (empty: the system's), and the own certificate with its key (empty: none). Throws ConfError.
ngx_ssl_t *make_client_tls(ngx_conf_t *cf, const std::string &trusted,
                           const std::string &certificate, const std::string &key);

}  // namespace gateway
