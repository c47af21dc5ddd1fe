#include "nginx/event_loop.h"

#include <algorithm>
#include <utility>

namespace gateway {

namespace {

class Action;

// Has standard layout, so that the owner can be found from the event.
struct ActionEvent {
    ngx_event_t event;
    Action *owner;
};

extern "C" void image_gateway_on_timer(ngx_event_t *event);

// A callback that nginx's event loop runs later.
class Action {
 public:
    Action(CallbackOwner &owner, std::function<void()> action, TimerKind kind)
        : owner_(owner), action_(std::move(action)) {
        event_.owner = this;
        ngx_event_t &event = event_.event;
        event.handler = image_gateway_on_timer;
        event.data = no_connection();
        event.log = ngx_cycle->log;
        event.cancelable = kind == TimerKind::idle ? 1 : 0;
    }
    virtual ~Action() { cancel(); }
    Action(const Action &) = delete;
    Action &operator=(const Action &) = delete;

    // Runs the action, which may destroy this.
    virtual void fire() = 0;

 protected:
    void start(Milliseconds delay) noexcept {
        ngx_add_timer(&event_.event, static_cast<ngx_msec_t>(std::max<int64_t>(0, delay.count())));
    }
    // Not a timer with delay 0: nginx runs such a timer in the same pass in which another timer
    // started it, and so on without end.
    void start_in_next_turn() noexcept { ngx_post_event(&event_.event, &ngx_posted_next_events); }
    void cancel() noexcept {
        if (event_.event.timer_set) {
            ngx_del_timer(&event_.event);
        }
        if (event_.event.posted) {
            ngx_delete_posted_event(&event_.event);
        }
    }

    CallbackOwner &owner_;
    std::function<void()> action_;

 private:
    ActionEvent event_{};
};

extern "C" void image_gateway_on_timer(ngx_event_t *event) {
    reinterpret_cast<ActionEvent *>(event)->owner->fire();
}

class NgxTimer final : public Timer, private Action {
 public:
    NgxTimer(CallbackOwner &owner, Milliseconds delay, std::function<void()> action, TimerKind kind)
        : Action(owner, std::move(action), kind) {
        start(delay);
    }

 private:
    void fire() override {
        const auto action = std::move(action_);
        run_for(owner_, action);
    }
};

class NgxAlarm final : public Alarm, private Action {
 public:
    using Action::Action;
    void set(Milliseconds delay) noexcept override {
        cancel();
        delay > Milliseconds(0) ? start(delay) : start_in_next_turn();
    }
    void unset() noexcept override { cancel(); }

 private:
    void fire() override { run_for(owner_, action_); }
};

// Process-wide, like ngx_exiting.
std::optional<ngx_msec_t> leaving_since;

}  // namespace

std::unique_ptr<Timer> NgxEventLoop::start_timer(Milliseconds delay, std::function<void()> action,
                                                 TimerKind kind) {
    return std::make_unique<NgxTimer>(owner_, delay, std::move(action), kind);
}

std::unique_ptr<Alarm> NgxEventLoop::make_alarm(std::function<void()> action, TimerKind kind) {
    return std::make_unique<NgxAlarm>(owner_, std::move(action), kind);
}

std::optional<Milliseconds> NgxEventLoop::time_to_live() const {
    if (!ngx_exiting) {
        return std::nullopt;
    }
    if (!leaving_since) {
        leaving_since = ngx_current_msec;
    }
    const auto *core = reinterpret_cast<ngx_core_conf_t *>(
        ngx_get_conf(const_cast<ngx_cycle_t *>(ngx_cycle)->conf_ctx, ngx_core_module));
    if (core->shutdown_timeout == 0) {
        return std::nullopt;
    }
    const auto left =
        static_cast<ngx_msec_int_t>(*leaving_since + core->shutdown_timeout - ngx_current_msec);
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
