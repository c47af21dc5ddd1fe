// What the kernel knows of the bytes that a connection could not deliver.
#pragma once

#include <cstdint>
#include <optional>

namespace gateway {

struct Unacknowledged {
    int64_t bytes = 0;  // written to the socket, and never acknowledged by its peer
    bool reset =
        false;     // the peer has reset the connection; then an acknowledgement may be missing
    int port = 0;  // of this end
};

// Before the socket is closed. Nothing where the kernel does not tell.
std::optional<Unacknowledged> unacknowledged(int socket) noexcept;

}  // namespace gateway
