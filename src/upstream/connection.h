// A connection to a provider that HTTP of our own uses, with or without TLS.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "upstream/tls_session.h"

namespace gateway {

// Who has it closes it, or gives it back to KeptConnections.
struct Connection {
    using Time = std::chrono::steady_clock::time_point;
    using State = TlsSession::State;

    struct Received {
        State state = State::waits;
        size_t count = 0;
        bool is_all = false;  // no more has come yet
    };

    // Waits if nothing has come.
    Received receive(std::span<char> into) noexcept;
    // Sends some of the parts' bytes. After `waits` the same parts must be sent.
    TlsSession::Io send(std::span<const iovec> parts) noexcept;
    // Whether nothing has arrived, neither data nor an end.
    [[nodiscard]] bool is_silent() const noexcept;
    void begin_turn() const noexcept { tls ? tls->begin_turn() : void(); }
    [[nodiscard]] bool wants_to_send() const noexcept { return tls && tls->wants_to_send(); }
    // Why it failed.
    [[nodiscard]] const char *problem() const noexcept {
        return tls ? tls->problem() : "the connection was reset";
    }

    int socket = -1;
    std::unique_ptr<TlsSession> tls;  // null: there is none
    // Where it leads to, by which way, and whom it trusts. Connections with the
    // same route are alike.
    std::string route;
    Time opened;
    bool is_reused = false;
};

}  // namespace gateway
