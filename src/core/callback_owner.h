// On whose behalf a callback of the event loop runs. What it throws ends its owner, and nothing
// else: not the worker, and none of the other requests that are served in the same turn.
#pragma once

#include <exception>

namespace gateway {

class CallbackOwner {
 public:
    // A callback threw, and has been unwound. Whatever the owner still has on its way is cancelled.
    virtual void end_by_exception(const char *what) noexcept = 0;

 protected:
    ~CallbackOwner() = default;
};

// The only way in which the loop's side (timers, tasks, transfers) calls back into the core.
template <typename Callback>
void run_for(CallbackOwner &owner, Callback &&callback) noexcept {
    try {
        callback();
    } catch (const std::exception &error) {
        owner.end_by_exception(error.what());
    } catch (...) {
        owner.end_by_exception("unknown exception");
    }
}

}  // namespace gateway
