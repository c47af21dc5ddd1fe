// A reply as server-sent events. Its headers are sent with the first event or the first heartbeat.
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

// The position of an event among the events of its image, and its latency.
struct EventPlace {
    int64_t chunk_index = 0;
    int64_t latency = 0;  // milliseconds since the previous event
};

class EventCount {
 public:
    // `now`: milliseconds since the request arrived.
    EventPlace next(int64_t image, int64_t now) {
        return {events_[image]++, now - std::exchange(last_, now)};
    }

 private:
    std::map<int64_t, int64_t> events_;  // by image
    int64_t last_ = 0;
};

class EventStream {
 public:
    // `head` completes the reply's headers. `send` must not destroy the owner of this stream before
    // it returns.
    EventStream(EventLoop &loop, Milliseconds heartbeat, std::function<void(Answer &)> head,
                std::function<void(Answer)> send);
    EventStream(const EventStream &) = delete;
    EventStream &operator=(const EventStream &) = delete;

    // Whether headers were sent.
    [[nodiscard]] bool has_begun() const { return begun_; }
    void send(Bytes events);
    void end(Bytes events);
    void stop() { timer_.reset(); }

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
