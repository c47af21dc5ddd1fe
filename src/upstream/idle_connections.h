// Learns for how long providers keep idle connections open, and closes ours before they do. Whether
// a provider has read a request that was sent while it closed the connection cannot be known, so
// such a request may not be repeated.
//
//   opened ─▶ in use ──(its transfer has ended: put_aside)──▶ idle ──(used)──▶ in use
//                                                              │
//                              closed by the provider: note_end │ or by us: on_alarm
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/ports.h"

namespace gateway {

class IdleConnections {
 public:
    IdleConnections(const Clock &clock, EventLoop &loop);

    // A socket was opened to a provider's address. `peer` identifies the address.
    void opened(int socket, uint64_t peer);
    void closed(int socket) noexcept;
    // The loop watches the socket for a transfer, or no longer does.
    void used(int socket) noexcept;
    void released(int socket) noexcept;
    // The transfer of a released socket has ended, and the connection is kept.
    void put_aside(int socket) noexcept;
    // The provider has closed the connection. Nothing happens if it was not idle.
    void note_end(int socket) noexcept;
    // Call it before a connection is chosen. Curl looks for the end of data, which we caused, and
    // takes a reset of the provider that came later as a sign of life.
    void forget_resets() noexcept;

    // The longest that a connection to this address stays idle; empty: nothing was learned.
    [[nodiscard]] std::optional<Milliseconds> limit(uint64_t peer) const noexcept;

 private:
    struct Connection {
        uint64_t peer = 0;
        Milliseconds since{0};
        bool is_open = false;
        bool is_used = false;
        bool is_idle = false;
    };
    // How long connections to an address were idle when the provider closed them.
    struct Lifetime {
        uint64_t peer = 0;
        Milliseconds time{0};
        Milliseconds seen{0};  // the time of the clock when one was closed last
        int times = 0;         // that connections were closed after about this time, in a row
    };
    struct Due {
        int socket;
        Milliseconds at;
    };

    Connection *find(int socket) noexcept;
    Lifetime &lifetime_of(uint64_t peer) noexcept;
    void drop_from_lists(int socket) noexcept;
    void on_alarm() noexcept;
    void arm() noexcept;

    const Clock &clock_;
    std::unique_ptr<Alarm> alarm_;
    std::vector<Connection> by_socket_;
    size_t open_ = 0;
    // Both have room for all open connections.
    std::vector<Due> due_;
    std::vector<int> ended_;  // by us; curl has not closed their sockets yet
    std::array<Lifetime, 16> lifetimes_;
    bool has_learned_ = false;
};

}  // namespace gateway
