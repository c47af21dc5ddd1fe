#include "core/routing/pause.h"

#include <utility>

#include "core/routing/observer.h"

namespace gateway {

namespace {

class Pause final : public Timer {
 public:
    Pause(const AttemptContext &context, Milliseconds delay, std::function<void()> action)
        : context_(context), timer_(context.ports.loop.start_timer(delay, std::move(action))) {
        context_.history.pauses().begin(context_.ports.clock.now());
        tell_pause_begin(context_.ports.observers);
    }
    ~Pause() override {
        context_.history.pauses().end(context_.ports.clock.now());
        tell_pause_end(context_.ports.observers);
    }
    Pause(const Pause &) = delete;
    Pause &operator=(const Pause &) = delete;

 private:
    const AttemptContext &context_;
    std::unique_ptr<Timer> timer_;
};

}  // namespace

std::unique_ptr<Timer> start_pause(const AttemptContext &context, Milliseconds delay,
                                   std::function<void()> action) {
    return std::make_unique<Pause>(context, delay, std::move(action));
}

}  // namespace gateway
