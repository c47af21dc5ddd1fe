#include "upstream/tls_session.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "core/bytes/openssl_errors.h"

namespace gateway {

namespace {

// Also of tickets and other messages that are not data: one connection never
// keeps the loop busy for long.
constexpr size_t kReceivedInTurn = size_t{128} * 1024;
constexpr size_t kSentInTurn = size_t{256} * 1024;

}  // namespace

TlsSession::TlsSession(SSL_CTX &context, int socket, const std::string &host)
    : ssl_(SSL_new(&context)), socket_(socket) {
    const OpenSslErrors errors;
    BIO *bio = ssl_ == nullptr ? nullptr : BIO_new(socket_method());
    if (bio == nullptr) {
        throw std::bad_alloc();
    }
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    name_peer(host);
    SSL_set_connect_state(ssl_.get());
    begin_turn();
}

void TlsSession::name_peer(const std::string &host) {
    X509_VERIFY_PARAM *wanted = SSL_get0_param(ssl_.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1) {
        return;  // an address; these are not sent in the greeting
    }
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (host.empty() || X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size()) != 1 ||
        SSL_set_tlsext_host_name(ssl_.get(), host.c_str()) != 1) {
        throw std::bad_alloc();
    }
}

void TlsSession::begin_turn() noexcept {
    may_receive_ = kReceivedInTurn;
    may_send_ = kSentInTurn;
}

TlsSession::State TlsSession::shake_hands() noexcept {
    const OpenSslErrors errors;
    ERR_clear_error();
    const State state = state_after(SSL_do_handshake(ssl_.get()));
    is_ready_ = state == State::done;
    return state;
}

TlsSession::Io TlsSession::read(std::span<char> into) noexcept {
    const OpenSslErrors errors;
    ERR_clear_error();
    size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &count);
    return {state_after(result), count};
}

TlsSession::Io TlsSession::write(std::string_view text) noexcept {
    const OpenSslErrors errors;
    ERR_clear_error();
    size_t count = 0;
    const int result = SSL_write_ex(ssl_.get(), text.data(), text.size(), &count);
    return {state_after(result), count};
}

bool TlsSession::is_silent() noexcept {
    const OpenSslErrors errors;
    ERR_clear_error();
    begin_turn();
    char byte = 0;
    size_t count = 0;
    const State state = state_after(SSL_peek_ex(ssl_.get(), &byte, 1, &count));
    // A part of a record could become the beginning of the next response, and a part of a message
    // keeps OpenSSL from sending.
    return state == State::waits && may_receive_ > 0 && SSL_has_pending(ssl_.get()) == 0 &&
           SSL_in_init(ssl_.get()) == 0;
}

void TlsSession::say_goodbye() noexcept {
    if (is_ready_ && !has_failed_) {
        const OpenSslErrors errors;
        begin_turn();
        (void)SSL_shutdown(ssl_.get());
    }
}

TlsSession::State TlsSession::state_after(int result) noexcept {
    wants_to_send_ = false;
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_NONE: return State::done;
        case SSL_ERROR_ZERO_RETURN: return State::closed;
        case SSL_ERROR_WANT_READ: return State::waits;
        case SSL_ERROR_WANT_WRITE: wants_to_send_ = true; return State::waits;
        default: note_failure(); return State::failed;
    }
}

void TlsSession::note_failure() noexcept {
    const unsigned long error = ERR_peek_error();
    const long verified = SSL_get_verify_result(ssl_.get());
    const char *reason = error == 0 ? nullptr : ERR_reason_error_string(error);
    // After an error of OpenSSL's, nothing more may be sent.
    has_failed_ = has_failed_ || error != 0;
    if (!is_ready_ && verified != X509_V_OK) {
        problem_ = X509_verify_cert_error_string(verified);
    } else if (is_at_end_) {
        problem_ = is_ready_ ? "the connection was closed without the end of TLS"
                             : "the connection was closed while TLS was set up";
    } else {
        problem_ = reason == nullptr ? "the connection was reset" : reason;
    }
}

// ---- the socket, as OpenSSL sees it ----

const BIO_METHOD *TlsSession::socket_method() {
    static const BIO_METHOD *const kMethod = [] {
        BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "provider");
        if (method == nullptr) {
            throw std::bad_alloc();
        }
        BIO_meth_set_read_ex(method, &TlsSession::on_receive);
        BIO_meth_set_write_ex(method, &TlsSession::on_send);
        BIO_meth_set_ctrl(method, &TlsSession::on_control);
        return method;
    }();
    return kMethod;
}

int TlsSession::on_receive(BIO *bio, char *into, size_t size, size_t *count) noexcept {
    auto &session = *static_cast<TlsSession *>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const size_t most = std::min(size, session.may_receive_);
    if (most == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    const ssize_t received = recv(session.socket_, into, most, 0);
    if (received > 0) {
        *count = static_cast<size_t>(received);
        session.may_receive_ -= *count;
        return 1;
    }
    if (received == 0) {
        session.is_at_end_ = true;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        BIO_set_retry_read(bio);
    }
    return 0;
}

int TlsSession::on_send(BIO *bio, const char *bytes, size_t size, size_t *count) noexcept {
    auto &session = *static_cast<TlsSession *>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const size_t most = std::min(size, session.may_send_);
    if (most == 0) {
        BIO_set_retry_write(bio);
        return 0;
    }
    const ssize_t sent = send(session.socket_, bytes, most, MSG_NOSIGNAL);
    if (sent > 0) {
        *count = static_cast<size_t>(sent);
        session.may_send_ -= *count;
        session.bytes_sent_ += *count;
        return 1;
    }
    if (sent == 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        BIO_set_retry_write(bio);
    }
    return 0;
}

long TlsSession::on_control(BIO *bio, int command, long /*number*/, void * /*pointer*/) noexcept {
    switch (command) {
        case BIO_CTRL_FLUSH: return 1;
        case BIO_CTRL_EOF: return static_cast<TlsSession *>(BIO_get_data(bio))->is_at_end_ ? 1 : 0;
        default: return 0;
    }
}

}  // namespace gateway
