// What all attempts of one request share.
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
#include "core/routing/resumption.h"
#include "core/routing/tray.h"
#include "core/tracing/trace.h"

namespace gateway {

class RequestMemory;

// Must outlive all attempts. What it refers to must outlive it.
struct AttemptContext {
    const Ports &ports;
    Health &health;
    History &history;
    Tray &tray;
    Milliseconds deadline;  // a time of the clock
    Milliseconds allowed;   // from the request's start to the deadline
    RouteChoice choice;
    size_t answer_max = 0;
    bool keeps_raw = false;              // the caller may see the raw exchange
    std::string_view request_id;         // the gateway's own
    std::string_view client_request_id;  // the request id that providers get
    RequestIdentity identity;
    const Trace *trace;  // null: the request is in none
    std::string_view requested_model;
    const std::shared_ptr<RequestMemory> &memory;  // counts the bytes of provider responses
    int64_t previews = 0;                          // requested for each image
    bool is_patient = false;       // waits for busy providers and for memory until the deadline
    CallWatcher *calls = nullptr;  // null: nobody needs to hear of calls

    [[nodiscard]] bool is_stream() const { return tray.listener.on_image != nullptr; }
    [[nodiscard]] Milliseconds time_left() const { return deadline - ports.clock.now(); }
    // The time until the deadline, or until this process exits if it was told to quit.
    [[nodiscard]] Milliseconds time_to_start() const {
        return std::min(time_left(), ports.loop.time_to_live().value_or(time_left()));
    }
    [[nodiscard]] Moment moment() const {
        return {ports.clock.unix_seconds(), ports.clock.now().count()};
    }
};

}  // namespace gateway
