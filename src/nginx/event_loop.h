// Implements the port EventLoop by nginx's timers. Each object belongs to a request or to the
// worker; an exception of a timer ends that owner.
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
    // By worker_shutdown_timeout, counted from when this function first saw that the worker is
    // exiting.
    [[nodiscard]] std::optional<Milliseconds> time_to_live() const override;

 private:
    CallbackOwner &owner_;
};

// Debug builds of nginx log the descriptor of the connection that an event's data points to. This
// connection has none.
ngx_connection_t *no_connection();

}  // namespace gateway
