// An answer as server-sent events: its head goes out with the first of them, or with the first sign
// of life while none has come.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "core/bytes/bytes.h"
#include "core/ports.h"
#include "core/response/answer.h"

namespace gateway {

void append_event(Bytes &events, std::string_view name, const Bytes &data);

// What an event says of its place: which it is of its image's, and how long it took.
struct EventPlace {
    int64_t chunk_index = 0;
    int64_t latency = 0;  // milliseconds since the event before
};

class EventCount {
 public:
    // `now`: since the request came.
    EventPlace next(int64_t image, int64_t now) {
        return {events_[image]++, now - std::exchange(last_, now)};
    }

 private:
    std::map<int64_t, int64_t> events_;  // by image
    int64_t last_ = 0;
};

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
    void stop() { timer_.reset(); }  // nothing comes of it

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
