// The port through which the client of Redis reaches its server: a connection that carries bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace gateway {

// Called from the event loop: never from within open() or send(). A function may destroy the
// stream.
class StreamListener {
 public:
    // The connection is there, with TLS if the address says so.
    virtual void on_open() = 0;
    virtual void on_bytes(std::string_view bytes) = 0;
    // The connection could not be made, or has ended. Nothing is called after this.
    virtual void on_end(const std::string &why) = 0;

 protected:
    ~StreamListener() = default;
};

// Destroying it closes the connection.
class ByteStream {
 public:
    virtual ~ByteStream() = default;
    // Only after on_open(). What cannot be sent at once is kept, and sent later.
    virtual void send(std::string_view bytes) = 0;
};

class ByteStreams {
 public:
    virtual ~ByteStreams() = default;
    // Begins to connect. The listener must outlive the stream.
    virtual std::unique_ptr<ByteStream> open(StreamListener &listener) = 0;
};

}  // namespace gateway
