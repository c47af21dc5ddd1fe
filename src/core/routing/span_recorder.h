// Turns requests, attempts and shared makings that have ended into spans. An observer of attempts
// and makings; requests are recorded when they are over, whoever has ended them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/money.h"
#include "core/outcome.h"
#include "core/routing/model_map.h"
#include "core/routing/observer.h"
#include "core/tracing/span.h"
#include "core/tracing/span_queue.h"

namespace gateway {

// A request that is over. Its prompt, its caller and its end user are in no span.
struct RequestSpan {
    const Trace &trace;
    std::string_view method;
    std::string_view operation;  // one of a few words
    bool makes_images = false;   // or would have
    std::string_view request_id;
    std::string_view requested_model;
    std::string_view outcome;
    int status = 0;
    int64_t latency = 0;                          // milliseconds
    const AttemptRecord *last_attempt = nullptr;  // null: there was none
    size_t attempts = 0;
    int64_t images = 0;
    int64_t images_lost = 0;
    std::optional<MicroUsd> cost;
    const Usage *usage = nullptr;  // null: it is not known
};

class SpanRecorder final : public Observer {
 public:
    // All must outlive it.
    SpanRecorder(SpanQueue &queue, const ModelMap &models, const Clock &clock)
        : queue_(queue), models_(models), clock_(clock) {}

    void on_attempt_end(const AttemptEnd &end) override;
    void on_shared_making_end(const SharedMakingEnd &end) override;
    void record(const RequestSpan &request);

 private:
    [[nodiscard]] Span begin(const Trace &trace, const SpanId &id, int64_t latency) const;
    void add_provider(Span &span, std::string_view provider) const;

    SpanQueue &queue_;
    const ModelMap &models_;
    const Clock &clock_;
};

}  // namespace gateway
