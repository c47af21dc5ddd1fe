// nginx's timers as the port EventLoop.
#pragma once

#include <optional>

#include "core/ports.h"
#include "nginx/ngx.h"

namespace gateway {

class NgxEventLoop final : public EventLoop {
 public:
    using EventLoop::start_timer;
    std::unique_ptr<Timer> start_timer(Milliseconds delay, std::function<void()> action,
                                       TimerKind kind) override;
    // By worker_shutdown_timeout, from when a worker that leaves was first seen to.
    [[nodiscard]] std::optional<Milliseconds> time_to_live() const override;

 private:
    mutable std::optional<ngx_msec_t> leaving_since_;
};

// Debug builds of nginx print the descriptor of the connection that an event's data points to. This
// one has none.
ngx_connection_t *no_connection();

}  // namespace gateway
