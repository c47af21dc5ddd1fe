// nginx's timers as the port EventLoop.
#pragma once

#include "core/ports.h"
#include "nginx/ngx.h"

namespace gateway {

class NgxEventLoop final : public EventLoop {
 public:
    using EventLoop::start_timer;
    std::unique_ptr<Timer> start_timer(Milliseconds delay, std::function<void()> action,
                                       TimerKind kind) override;
};

// Debug builds of nginx print the descriptor of the connection that an event's data points to. This
// one has none.
ngx_connection_t *no_connection();

}  // namespace gateway
