#include "core/routing/observer.h"

namespace gateway {

namespace {

// An observer that fails, for example for lack of memory, must not end a request.
template <typename Tell>
void tell_each(std::span<Observer *const> observers, Tell tell) noexcept {
    for (Observer *observer : observers) {
        try {
            tell(*observer);
        } catch (...) {
            continue;
        }
    }
}

}  // namespace

void tell_call_begin(std::span<Observer *const> observers, const Provider &provider) noexcept {
    tell_each(observers, [&](Observer &observer) { observer.on_call_begin(provider); });
}

void tell_call_end(std::span<Observer *const> observers, const Provider &provider) noexcept {
    tell_each(observers, [&](Observer &observer) { observer.on_call_end(provider); });
}

void tell_pause_begin(std::span<Observer *const> observers) noexcept {
    tell_each(observers, [](Observer &observer) { observer.on_pause_begin(); });
}

void tell_pause_end(std::span<Observer *const> observers) noexcept {
    tell_each(observers, [](Observer &observer) { observer.on_pause_end(); });
}

void tell_attempt_end(std::span<Observer *const> observers, const AttemptEnd &end) noexcept {
    tell_each(observers, [&](Observer &observer) { observer.on_attempt_end(end); });
}

void tell_request_end(std::span<Observer *const> observers, const RequestEnd &end) noexcept {
    tell_each(observers, [&](Observer &observer) { observer.on_request_end(end); });
}

void tell_shared_making_end(std::span<Observer *const> observers,
                            const SharedMakingEnd &end) noexcept {
    tell_each(observers, [&](Observer &observer) { observer.on_shared_making_end(end); });
}

}  // namespace gateway
