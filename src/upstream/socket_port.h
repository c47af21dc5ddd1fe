// What the curl client needs of the event loop besides timers: sockets, and word of when they are
// ready.
#pragma once

#include <cstdint>

namespace gateway {

enum class Readiness : uint8_t { readable, writable, failed };

class SocketListener {
 public:
    virtual ~SocketListener() = default;
    // After this returns the socket may be closed already.
    virtual void on_ready(int socket, Readiness readiness) noexcept = 0;
};

class SocketPort {
 public:
    virtual ~SocketPort() = default;

    // A non-blocking socket that the loop has room to watch; -1 when it has none.
    virtual int open(int family, int type, int protocol) noexcept = 0;
    virtual void close(int socket) noexcept = 0;

    // Level-triggered, until the next watch() or unwatch(). Also for sockets that did not come from
    // open(): curl's resolver brings its own. False when the loop has no room.
    virtual bool watch(int socket, bool readable, bool writable,
                       SocketListener &listener) noexcept = 0;
    virtual void unwatch(int socket) noexcept = 0;
};

}  // namespace gateway
