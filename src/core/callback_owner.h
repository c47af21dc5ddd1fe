// The owner of a callback of the event loop: a request or the worker. An exception of the callback
// ends only its owner, not the worker and not other requests of the same turn.
#pragma once

#include <exception>

namespace gateway {

class CallbackOwner {
 public:
    // Called after a callback threw. The owner must cancel everything that it still has in
    // progress.
    virtual void end_by_exception(const char *what) noexcept = 0;

 protected:
    ~CallbackOwner() = default;
};

// Runs a callback for its owner. Timers, tasks and transfers call into the core only by this
// function.
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
