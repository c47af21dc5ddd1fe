#include "nginx/byte_connection.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "core/bytes/openssl_errors.h"
#include "nginx/conf_error.h"

namespace gateway {

namespace {

struct SocketAddress {
    sockaddr_storage address{};
    socklen_t size = 0;
};

struct Lookup {
    std::vector<SocketAddress> found;
    std::string problem;
};

// Blocks: for the task pool.
Lookup look_up(const std::string &host, int port) {
    Lookup result;
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo *list = nullptr;
    const int failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (failed != 0) {
        result.problem = "the name cannot be resolved: " + std::string(gai_strerror(failed));
        return result;
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo *)> owned(list, freeaddrinfo);
    for (const addrinfo *one = list; one != nullptr; one = one->ai_next) {
        if (one->ai_addrlen <= sizeof(sockaddr_storage)) {
            SocketAddress &address = result.found.emplace_back();
            std::memcpy(&address.address, one->ai_addr, one->ai_addrlen);
            address.size = one->ai_addrlen;
        }
    }
    return result;
}

SocketAddress address_of_socket(const std::string &path) {
    SocketAddress address;
    auto *local = reinterpret_cast<sockaddr_un *>(&address.address);
    local->sun_family = AF_UNIX;
    path.copy(local->sun_path, sizeof(local->sun_path) - 1);
    address.size = sizeof(sockaddr_un);
    return address;
}

std::string text_of_error(int error) {
    return std::generic_category().message(error);
}

bool is_ip_address(const std::string &host) {
    unsigned char address[16];
    return inet_pton(AF_INET, host.c_str(), address) == 1 ||
           inet_pton(AF_INET6, host.c_str(), address) == 1;
}

class NgxByteStream;
NgxByteStream &stream_of(const ngx_event_t *event);

extern "C" void image_gateway_on_stream_event(ngx_event_t *event) noexcept;
#if (NGX_SSL)
extern "C" void image_gateway_on_handshake(ngx_connection_t *connection) noexcept;
#endif

class NgxByteStream final : public ByteStream {
 public:
    NgxByteStream(const StreamTarget &target, TaskPool &tasks, EventLoop &loop,
                  CallbackOwner &owner, ngx_log_t &log,
                  std::shared_ptr<NgxByteStreams::Shared> shared, StreamListener &listener)
        : target_(target),
          shared_(std::move(shared)),
          tasks_(tasks),
          owner_(owner),
          loop_(loop),
          log_(log),
          listener_(listener) {
        step_soon();
    }
    ~NgxByteStream() override {
        if (is_gone_ != nullptr) {
            *is_gone_ = true;
        }
        close();
    }

    void send(std::string_view bytes) override {
        out_.append(bytes);
        if (!flush()) {
            step_soon();
        }
    }

    void on_event() noexcept {
        run_for(owner_, [this] { connection_->ssl == nullptr || is_open_ ? go_on() : shake(); });
    }
    void on_handshake() noexcept {
        run_for(owner_, [this] { end_handshake(); });
    }

 private:
    // Sees whether a callback destroys the stream, also if the callback throws.
    struct Watch {
        explicit Watch(NgxByteStream &stream) : stream(stream), outer(stream.is_gone_) {
            stream.is_gone_ = &gone;
        }
        ~Watch() {
            if (!gone) {
                stream.is_gone_ = outer;
            } else if (outer != nullptr) {
                *outer = true;
            }
        }
        Watch(const Watch &) = delete;
        Watch &operator=(const Watch &) = delete;

        NgxByteStream &stream;
        bool *outer;
        bool gone = false;
    };

    // A timer, and not an alarm: what it calls may destroy it.
    void step_soon() {
        soon_ = loop_.start_timer(
            Milliseconds(0), [this] { next_step(); }, TimerKind::idle);
    }

    void next_step() {
        if (is_open_ || connection_ != nullptr) {
            end(problem_);  // sending failed
        } else if (!target_.socket.empty()) {
            addresses_ = {address_of_socket(target_.socket)};
            connect_to_next();
        } else {
            look_up_name();
        }
    }

    void look_up_name() {
        auto found = std::make_shared<Lookup>();
        if (shared_->looks_up.exchange(true)) {
            end("the name is still being looked up");  // name servers may take long to answer
            return;
        }
        lookup_ = tasks_.run(
            [found, shared = shared_, host = target_.host, port = target_.port] {
                try {
                    *found = look_up(host, port);
                } catch (...) {
                    found->found.clear();
                }
                shared->looks_up = false;
            },
            [this, found] {
                const auto task = std::move(lookup_);
                addresses_ = std::move(found->found);
                problem_ = found->problem;
                begin_with_another_address();
                connect_to_next();
            });
        if (lookup_ == nullptr) {
            shared_->looks_up = false;
            end("the name cannot be resolved: the thread pool takes no more tasks");
        }
    }

    // An address that does not answer takes the whole time of an attempt.
    void begin_with_another_address() {
        if (!addresses_.empty()) {
            const size_t first = shared_->attempts++ % addresses_.size();
            std::rotate(addresses_.begin(), addresses_.begin() + static_cast<std::ptrdiff_t>(first),
                        addresses_.end());
        }
    }

    void connect_to_next() {
        while (next_address_ < addresses_.size()) {
            SocketAddress &address = addresses_[next_address_++];
            ngx_str_t name = to_ngx(target_.socket.empty() ? target_.host : target_.socket);
            ngx_peer_connection_t peer{};
            peer.sockaddr = reinterpret_cast<sockaddr *>(&address.address);
            peer.socklen = address.size;
            peer.name = &name;
            peer.get = ngx_event_get_peer;
            peer.log = &log_;
            peer.log_error = NGX_ERROR_IGNORE_ECONNRESET;
            peer.so_keepalive = 1;
            errno = 0;
            const ngx_int_t done = ngx_event_connect_peer(&peer);
            problem_ = text_of_error(errno == 0 ? ECONNREFUSED : errno);
            connection_ = peer.connection;
            if (connection_ == nullptr || (done != NGX_OK && done != NGX_AGAIN)) {
                close();
                continue;
            }
            connection_->data = this;
            connection_->read->handler = image_gateway_on_stream_event;
            connection_->write->handler = image_gateway_on_stream_event;
            if (done == NGX_OK) {
                on_connected();
            }
            return;
        }
        end(problem_.empty() ? "the name has no address" : problem_);
    }

    // Something may be read or written, or the attempt to connect is over.
    void go_on() {
        if (connection_->close || connection_->error) {
            end("the worker is shutting down");
            return;
        }
        if (!is_connected_) {
            int error = 0;
            socklen_t size = sizeof(error);
            if (getsockopt(connection_->fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1) {
                error = errno;
            }
            if (error != 0) {
                problem_ = text_of_error(error);
                close();
                connect_to_next();
            } else if (connection_->write->ready) {
                on_connected();
            }
            return;
        }
        if (!flush()) {
            end(problem_);
            return;
        }
        read();
    }

    void on_connected() {
        is_connected_ = true;
        if (target_.socket.empty()) {
            (void)ngx_tcp_nodelay(connection_);
        }
        if (target_.tls != nullptr) {
            begin_handshake();
        } else {
            open();
        }
    }

    void open() {
        is_open_ = true;
        Watch watch(*this);
        listener_.on_open();
        if (!watch.gone && is_open_) {
            read();
        }
    }

    void read() {
        while (true) {
            u_char buffer[16 * 1024];
            const ssize_t count = connection_->recv(connection_, buffer, sizeof(buffer));
            if (count == NGX_AGAIN) {
                break;
            }
            if (count <= 0) {
                end(count == 0 ? "the server has closed the connection"
                               : "the connection was reset");
                return;
            }
            Watch watch(*this);
            listener_.on_bytes(
                {reinterpret_cast<const char *>(buffer), static_cast<size_t>(count)});
            if (watch.gone) {
                return;
            }
        }
        if (ngx_handle_read_event(connection_->read, 0) != NGX_OK) {
            end("the event loop does not take the connection");
        }
    }

    // False: the connection is broken.
    bool flush() {
        if (!is_open_ || connection_ == nullptr) {
            return true;
        }
        while (sent_ < out_.size()) {
            const ssize_t count = connection_->send(
                connection_, reinterpret_cast<u_char *>(out_.data()) + sent_, out_.size() - sent_);
            if (count == NGX_AGAIN || count == 0) {
                break;
            }
            if (count < 0) {
                problem_ = "the connection is broken";
                return false;
            }
            sent_ += static_cast<size_t>(count);
        }
        if (sent_ == out_.size()) {
            out_.clear();
            sent_ = 0;
        } else if (sent_ > kCompactAt) {
            out_.erase(0, std::exchange(sent_, 0));
        }
        if (ngx_handle_write_event(connection_->write, 0) != NGX_OK) {
            problem_ = "the event loop does not take the connection";
            return false;
        }
        return true;
    }

    void begin_handshake() {
#if (NGX_SSL)
        connection_->pool = ngx_create_pool(512, &log_);
        if (connection_->pool == nullptr ||
            ngx_ssl_create_connection(target_.tls, connection_, NGX_SSL_BUFFER | NGX_SSL_CLIENT) !=
                NGX_OK) {
            end("no memory for TLS");
            return;
        }
        SSL *tls = connection_->ssl->connection;
        const bool is_ip = is_ip_address(target_.host);
        const bool named =
            is_ip ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), target_.host.c_str()) == 1
                  : SSL_set1_host(tls, target_.host.c_str()) == 1 &&
                        SSL_set_tlsext_host_name(tls, target_.host.c_str()) == 1;
        if (!named) {
            const OpenSslErrors emptied;
            end("the name cannot be checked by TLS");
            return;
        }
        connection_->ssl->handler = image_gateway_on_handshake;
        shake();
#endif
    }

    void shake() {
#if (NGX_SSL)
        if (connection_->close || connection_->error) {
            end("the worker is shutting down");
        } else if (ngx_ssl_handshake(connection_) != NGX_AGAIN) {
            end_handshake();
        }
#endif
    }

    void end_handshake() {
#if (NGX_SSL)
        SSL *tls = connection_->ssl->connection;
        const long verified = SSL_get_verify_result(tls);
        if (verified != X509_V_OK) {
            end("its certificate is not accepted: " +
                std::string(X509_verify_cert_error_string(verified)));
            return;
        }
        if (!connection_->ssl->handshaked) {
            end("the TLS handshake failed");
            return;
        }
        // The handshake has set its own handlers.
        connection_->read->handler = image_gateway_on_stream_event;
        connection_->write->handler = image_gateway_on_stream_event;
        open();
#endif
    }

    void end(const std::string &why) {
        const std::string text = why;
        close();
        soon_.reset();
        listener_.on_end(text);  // may destroy this
    }

    void close() noexcept {
        ngx_connection_t *connection = std::exchange(connection_, nullptr);
        is_connected_ = false;
        is_open_ = false;
        if (connection == nullptr) {
            return;
        }
#if (NGX_SSL)
        if (connection->ssl != nullptr) {
            connection->ssl->no_wait_shutdown = 1;
            connection->ssl->no_send_shutdown = 1;
            (void)ngx_ssl_shutdown(connection);
        }
#endif
        ngx_pool_t *pool = connection->pool;
        ngx_close_connection(connection);
        if (pool != nullptr) {
            ngx_destroy_pool(pool);
        }
    }

    static constexpr size_t kCompactAt = size_t{256} * 1024;

    const StreamTarget &target_;
    std::shared_ptr<NgxByteStreams::Shared> shared_;
    TaskPool &tasks_;
    CallbackOwner &owner_;
    EventLoop &loop_;
    ngx_log_t &log_;
    StreamListener &listener_;
    std::vector<SocketAddress> addresses_;
    size_t next_address_ = 0;
    std::string problem_;
    ngx_connection_t *connection_ = nullptr;
    bool is_connected_ = false;
    bool is_open_ = false;
    bool *is_gone_ = nullptr;  // set while the listener runs
    std::string out_;
    size_t sent_ = 0;
    std::unique_ptr<Task> lookup_;
    std::unique_ptr<Timer> soon_;
};

NgxByteStream &stream_of(const ngx_event_t *event) {
    return *static_cast<NgxByteStream *>(static_cast<ngx_connection_t *>(event->data)->data);
}

extern "C" void image_gateway_on_stream_event(ngx_event_t *event) noexcept {
    stream_of(event).on_event();
}

#if (NGX_SSL)
extern "C" void image_gateway_on_handshake(ngx_connection_t *connection) noexcept {
    static_cast<NgxByteStream *>(connection->data)->on_handshake();
}

extern "C" void image_gateway_free_tls(void *data) {
    ngx_ssl_cleanup_ctx(data);
}

std::string openssl_problem() {
    char text[256];
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
    const OpenSslErrors emptied;
    return text;
}

#endif

}  // namespace

NgxByteStreams::NgxByteStreams(const StreamTarget &target, TaskPool &tasks, EventLoop &loop,
                               CallbackOwner &owner)
    : target_(target), tasks_(tasks), loop_(loop), owner_(owner), quiet_log_(*ngx_cycle->log) {
    quiet_log_.log_level = NGX_LOG_EMERG;
    quiet_log_.next = nullptr;
}

std::unique_ptr<ByteStream> NgxByteStreams::open(StreamListener &listener) {
    return std::make_unique<NgxByteStream>(target_, tasks_, loop_, owner_, quiet_log_, shared_,
                                           listener);
}

ngx_ssl_t *make_client_tls(ngx_conf_t *cf, const std::string &trusted,
                           const std::string &certificate, const std::string &key) {
#if (NGX_SSL)
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_ssl_t));
    if (cleanup == nullptr) {
        throw ConfError{"no memory"};
    }
    auto *tls = static_cast<ngx_ssl_t *>(cleanup->data);
    *tls = {};
    tls->log = cf->log;
    if (ngx_ssl_create(tls, NGX_SSL_TLSv1_2 | NGX_SSL_TLSv1_3, nullptr) != NGX_OK) {
        throw AlreadyLogged{};
    }
    cleanup->handler = image_gateway_free_tls;
    SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, nullptr);
    const int loaded = trusted.empty()
                           ? SSL_CTX_set_default_verify_paths(tls->ctx)
                           : SSL_CTX_load_verify_locations(tls->ctx, trusted.c_str(), nullptr);
    if (loaded != 1) {
        throw ConfError{"cannot read certificates from \"" + trusted + "\": " + openssl_problem()};
    }
    if (!certificate.empty() &&
        SSL_CTX_use_certificate_chain_file(tls->ctx, certificate.c_str()) != 1) {
        throw ConfError{"cannot read a certificate from \"" + certificate +
                        "\": " + openssl_problem()};
    }
    if (!key.empty() && SSL_CTX_use_PrivateKey_file(tls->ctx, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        throw ConfError{"cannot read the key \"" + key + "\": " + openssl_problem()};
    }
    return tls;
#else
    (void)cf, (void)trusted, (void)certificate, (void)key;
    throw ConfError{"this nginx was built without TLS (ngx_http_ssl_module)"};
#endif
}

}  // namespace gateway
