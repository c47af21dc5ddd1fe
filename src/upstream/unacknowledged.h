// How many bytes a connection could not deliver, as far as the kernel knows.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace gateway {

struct Unacknowledged {
    int64_t bytes = 0;  // written to the socket, and not acknowledged by the peer
    // The peer has reset the connection without closing it first: then it may have read bytes that
    // it did not acknowledge.
    bool reset = false;
    std::chrono::microseconds round_trip{0};  // the shortest so far
    int port = 0;                             // the local one
};

// Call it before the socket is closed. Nothing if the kernel does not know.
std::optional<Unacknowledged> unacknowledged(int socket) noexcept;

}  // namespace gateway
