// What the curl client needs of the event loop besides timers: sockets, and events when they are
// ready.
#pragma once

#include <cstdint>

namespace gateway {

enum class Readiness : uint8_t { readable, writable, failed };

class SocketListener {
 public:
    virtual ~SocketListener() = default;
    // The socket may be closed when this returns.
    virtual void on_ready(int socket, Readiness readiness) noexcept = 0;
    // Something has arrived at a socket that is open but no longer watched, most likely its end.
    virtual void on_arrival_unwatched(int /*socket*/) noexcept {}
};

class SocketPort {
 public:
    virtual ~SocketPort() = default;

    // Opens a non-blocking socket that the loop can watch; -1 if it has no room.
    virtual int open(int family, int type, int protocol) noexcept = 0;
    virtual void close(int socket) noexcept = 0;

    // Level-triggered, until the next watch() or unwatch(). Also for sockets that open() did not
    // open, such as those of curl's resolver. False if the loop has no room.
    virtual bool watch(int socket, bool readable, bool writable,
                       SocketListener &listener) noexcept = 0;
    // Does nothing if another listener watches the socket now.
    virtual void unwatch(int socket, const SocketListener &listener) noexcept = 0;
    // Call it for a socket that open() did not open, before it is watched. An earlier one with its
    // number may have been closed without close().
    virtual void forget_earlier(int socket) noexcept = 0;
};

}  // namespace gateway
