// A timer during which a request waits: before a call is repeated, or until a candidate is
// available.
#pragma once

#include <functional>
#include <memory>

#include "core/ports.h"
#include "core/routing/attempt_context.h"

namespace gateway {

// The context must outlive the timer.
std::unique_ptr<Timer> start_pause(const AttemptContext &context, Milliseconds delay,
                                   std::function<void()> action);

}  // namespace gateway
