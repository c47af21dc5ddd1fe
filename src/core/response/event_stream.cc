#include "core/response/event_stream.h"

#include <string>
#include <utility>

namespace gateway {

void append_event(Bytes &events, std::string_view name, const Bytes &data) {
    events.append("event: " + std::string(name) + "\ndata: ");
    events.append(data);
    events.append(std::string("\n\n"));
}

EventStream::EventStream(EventLoop &loop, Milliseconds heartbeat,
                         std::function<void(Answer &)> head, std::function<void(Answer)> send)
    : loop_(loop), heartbeat_(heartbeat), head_(std::move(head)), send_(std::move(send)) {
    wait();
}

// Restarts the heartbeat timer after each event. The heartbeat is needed only between events.
void EventStream::wait() {
    timer_ = loop_.start_timer(
        heartbeat_,
        [this] {
            const auto timer = std::move(timer_);
            send(Bytes::own(": ping\n\n"));
        },
        TimerKind::idle);
}

void EventStream::send(Bytes events) {
    wait();
    send_part(std::move(events), true);
}

void EventStream::end(Bytes events) {
    timer_.reset();
    send_part(std::move(events), false);
}

void EventStream::send_part(Bytes bytes, bool goes_on) {
    Answer part;
    if (!begun_) {
        part.content_type = "text/event-stream; charset=utf-8";
        part.headers = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
        head_(part);
    }
    part.body = std::move(bytes);
    part.goes_on = goes_on;
    send_(std::move(part));
    begun_ = true;
}

}  // namespace gateway
