// What the kernel knows of the bytes that a connection could not deliver.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace gateway {

struct Unacknowledged {
    int64_t bytes = 0;  // written to the socket, and never acknowledged by its peer
    // The peer has reset the connection, and had not closed it before: then it may have read what
    // it did not acknowledge.
    bool reset = false;
    std::chrono::microseconds round_trip{0};  // the shortest that was seen
    int port = 0;                             // of this end
};

// Before the socket is closed. Nothing where the kernel does not tell.
std::optional<Unacknowledged> unacknowledged(int socket) noexcept;

}  // namespace gateway
