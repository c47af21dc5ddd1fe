// What every attempt of a request has in common.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/limits/health.h"
#include "core/ports.h"
#include "core/routing/call_key.h"
#include "core/routing/decide.h"
#include "core/routing/history.h"
#include "core/routing/tray.h"

namespace gateway {

class RequestMemory;

// It outlives all attempts, and what it refers to outlives it.
struct AttemptContext {
    const Ports &ports;
    Health &health;
    History &history;
    Tray &tray;
    Milliseconds deadline;  // on the clock
    Milliseconds allowed;   // from the request's start to the deadline
    RouteChoice choice;
    size_t answer_max = 0;
    bool keeps_raw = false;              // the caller may see the raw exchange
    std::string_view request_id;         // ours
    std::string_view client_request_id;  // as providers are told it
    RequestIdentity identity;
    std::string_view traceparent;
    std::string_view requested_model;
    const std::shared_ptr<RequestMemory> &memory;  // that answers count for
    int64_t previews = 0;                          // of each image, that the caller wants

    [[nodiscard]] bool is_stream() const { return tray.listener.on_image != nullptr; }
    [[nodiscard]] Milliseconds time_left() const { return deadline - ports.clock.now(); }
    // Until the deadline, or until a process that was told to quit goes.
    [[nodiscard]] Milliseconds time_to_start() const {
        return std::min(time_left(), ports.loop.time_to_live().value_or(time_left()));
    }
    [[nodiscard]] Moment moment() const {
        return {ports.clock.unix_seconds(), ports.clock.now().count()};
    }
};

}  // namespace gateway
