// An answer as server-sent events: its head goes out with the first of them, or with the first sign
// of life while none has come.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "core/bytes/bytes.h"
#include "core/ports.h"
#include "core/response/answer.h"

namespace gateway {

void append_event(Bytes &events, std::string_view name, const Bytes &data);

class EventStream {
 public:
    // `head` completes an answer's headers; `send` may end whoever owns this only after it
    // returned.
    EventStream(EventLoop &loop, Milliseconds heartbeat, std::function<void(Answer &)> head,
                std::function<void(Answer)> send);
    EventStream(const EventStream &) = delete;
    EventStream &operator=(const EventStream &) = delete;

    // The client knows by now that it is a stream.
    [[nodiscard]] bool has_begun() const { return begun_; }
    void send(Bytes events);
    void end(Bytes events);

 private:
    void send_part(Bytes bytes, bool goes_on);
    void wait();

    EventLoop &loop_;
    Milliseconds heartbeat_;
    std::function<void(Answer &)> head_;
    std::function<void(Answer)> send_;
    std::unique_ptr<Timer> timer_;
    bool begun_ = false;
};

}  // namespace gateway
