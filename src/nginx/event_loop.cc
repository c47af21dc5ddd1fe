#include "nginx/event_loop.h"

#include <algorithm>
#include <utility>

#include "nginx/guard.h"

namespace gateway {

namespace {

class NgxTimer;

// Standard layout, so that the owner can be found from the event.
struct TimerEvent {
    ngx_event_t event;
    NgxTimer *owner;
};

extern "C" void image_gateway_on_timer(ngx_event_t *event);

class NgxTimer final : public Timer {
 public:
    NgxTimer(Milliseconds delay, std::function<void()> action, TimerKind kind)
        : action_(std::move(action)) {
        event_.owner = this;
        ngx_event_t &event = event_.event;
        event.handler = image_gateway_on_timer;
        event.data = no_connection();
        event.log = ngx_cycle->log;
        event.cancelable = kind == TimerKind::idle ? 1 : 0;
        ngx_add_timer(&event, static_cast<ngx_msec_t>(std::max<int64_t>(0, delay.count())));
    }
    ~NgxTimer() override {
        if (event_.event.timer_set) {
            ngx_del_timer(&event_.event);
        }
    }
    NgxTimer(const NgxTimer &) = delete;
    NgxTimer &operator=(const NgxTimer &) = delete;

    void fire() {
        const auto action = std::move(action_);
        action();  // which may destroy this timer
    }

 private:
    TimerEvent event_{};
    std::function<void()> action_;
};

extern "C" void image_gateway_on_timer(ngx_event_t *event) {
    guard("timer", [=] { reinterpret_cast<TimerEvent *>(event)->owner->fire(); });
}

}  // namespace

std::unique_ptr<Timer> NgxEventLoop::start_timer(Milliseconds delay, std::function<void()> action,
                                                 TimerKind kind) {
    return std::make_unique<NgxTimer>(delay, std::move(action), kind);
}

std::optional<Milliseconds> NgxEventLoop::time_to_live() const {
    if (!ngx_exiting) {
        return std::nullopt;
    }
    if (!leaving_since_) {
        leaving_since_ = ngx_current_msec;
    }
    const auto *core = reinterpret_cast<ngx_core_conf_t *>(
        ngx_get_conf(const_cast<ngx_cycle_t *>(ngx_cycle)->conf_ctx, ngx_core_module));
    if (core->shutdown_timeout == 0) {
        return std::nullopt;
    }
    const auto left =
        static_cast<ngx_msec_int_t>(*leaving_since_ + core->shutdown_timeout - ngx_current_msec);
    return Milliseconds(std::max<int64_t>(0, left));
}

ngx_connection_t *no_connection() {
    static ngx_connection_t none = [] {
        ngx_connection_t connection{};
        connection.fd = static_cast<ngx_socket_t>(-1);
        return connection;
    }();
    return &none;
}

}  // namespace gateway
