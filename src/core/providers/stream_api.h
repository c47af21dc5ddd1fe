// The facet of a dialect whose provider can answer with a stream of events.
#pragma once

#include <variant>

#include "core/outcome.h"
#include "core/request/image_request.h"
#include "core/sse/event_reader.h"

namespace gateway {

// What an event says: nothing of use, a preview, one or more finished images, or how all failed.
using StreamUpdate = std::variant<std::monostate, Preview, ImageResult, Outcome>;

class StreamApi {
 public:
    virtual ~StreamApi() = default;
    // Whether a request with these parameters may be answered with a stream.
    [[nodiscard]] virtual bool streams(const Params &params) const = 0;
    [[nodiscard]] virtual StreamUpdate read_event(const ServerEvent &event) const = 0;
};

}  // namespace gateway
