// TLS over a connected socket that does not block, by OpenSSL. libcurl's
// curl_easy_recv() cannot tell the end of TLS from a connection that was cut.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace gateway {

class TlsSession {
 public:
    enum class State : uint8_t {
        done,
        waits,   // until the socket is ready
        closed,  // by the peer's close_notify
        failed,  // also if the connection was closed without it
    };
    struct Io {
        State state = State::waits;
        size_t count = 0;
    };

    // `host`: a name or an address, which the peer's certificate must be for.
    TlsSession(SSL_CTX &context, int socket, const std::string &host);
    ~TlsSession() = default;
    TlsSession(const TlsSession &) = delete;
    TlsSession &operator=(const TlsSession &) = delete;

    // Call it again when the socket is ready, until it is done.
    State shake_hands() noexcept;
    Io read(std::span<char> into) noexcept;
    // At most one record. After `waits` the same text must be written.
    Io write(std::string_view text) noexcept;
    // Whether nothing can be read, neither data nor an end. What concerns only
    // TLS is taken, such as tickets.
    [[nodiscard]] bool is_silent() noexcept;
    // Sends a close_notify if it can be sent at once.
    void say_goodbye() noexcept;

    // Each turn of the event loop takes and sends only so much. The socket stays
    // ready for the rest.
    void begin_turn() noexcept;
    // Whether it waits until the socket takes more, and not for bytes.
    [[nodiscard]] bool wants_to_send() const noexcept { return wants_to_send_; }
    // All bytes that were written to the socket.
    [[nodiscard]] uint64_t bytes_sent() const noexcept { return bytes_sent_; }
    // Why it failed.
    [[nodiscard]] const char *problem() const noexcept { return problem_; }

 private:
    struct Free {
        void operator()(SSL *ssl) const noexcept { SSL_free(ssl); }
    };

    static const BIO_METHOD *socket_method();
    static int on_receive(BIO *bio, char *into, size_t size, size_t *count) noexcept;
    static int on_send(BIO *bio, const char *bytes, size_t size, size_t *count) noexcept;
    static long on_control(BIO *bio, int command, long number, void *pointer) noexcept;

    void name_peer(const std::string &host);
    [[nodiscard]] State state_after(int result) noexcept;
    void note_failure() noexcept;

    std::unique_ptr<SSL, Free> ssl_;
    int socket_;
    size_t may_receive_ = 0;  // in this turn
    size_t may_send_ = 0;
    uint64_t bytes_sent_ = 0;
    bool wants_to_send_ = false;
    bool is_at_end_ = false;  // of what the socket receives
    bool is_ready_ = false;   // hands are shaken
    bool has_failed_ = false;
    const char *problem_ = "";
};

}  // namespace gateway
