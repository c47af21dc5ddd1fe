// nginx's timers as the port EventLoop. Each belongs to a request or to the worker: whoever starts
// one through it is whom it fails for.
#pragma once

#include <memory>
#include <optional>

#include "core/callback_owner.h"
#include "core/ports.h"
#include "nginx/ngx.h"

namespace gateway {

class NgxEventLoop final : public EventLoop {
 public:
    explicit NgxEventLoop(CallbackOwner &owner) : owner_(owner) {}

    using EventLoop::start_timer;
    std::unique_ptr<Timer> start_timer(Milliseconds delay, std::function<void()> action,
                                       TimerKind kind) override;
    std::unique_ptr<Alarm> make_alarm(std::function<void()> action, TimerKind kind) override;
    // By worker_shutdown_timeout, from when a worker that leaves was first seen to.
    [[nodiscard]] std::optional<Milliseconds> time_to_live() const override;

 private:
    CallbackOwner &owner_;
};

// Debug builds of nginx print the descriptor of the connection that an event's data points to. This
// one has none.
ngx_connection_t *no_connection();

}  // namespace gateway
