#include "core/routing/span_recorder.h"

#include <algorithm>
#include <string>

#include "core/providers/gen_ai_name.h"

namespace gateway {

namespace {

constexpr int kFirstError = 400;
constexpr int kFirstFailure = 500;
constexpr double kMicro = 1e6;
constexpr size_t kUsualAttributes = 20;
constexpr std::string_view kOperation = "image_generation";

std::string named(std::string_view model) {
    return std::string(kOperation).append(model.empty() ? "" : " ").append(model);
}

void add_usage(Span &span, const Usage *usage) {
    if (usage != nullptr && usage->total_tokens > 0) {
        span.add_number("gen_ai.usage.input_tokens", usage->input_tokens);
        span.add_number("gen_ai.usage.output_tokens", usage->output_tokens);
    }
}

}  // namespace

// Times are those of the event loop, in whole milliseconds.
Span SpanRecorder::begin(const Trace &trace, const SpanId &id, int64_t latency) const {
    Span span;
    span.trace = trace.id;
    span.id = id;
    span.state = trace.state;
    span.end = clock_.unix_milliseconds();
    span.begin = span.end - std::max<int64_t>(0, latency);
    span.attributes.reserve(kUsualAttributes);
    return span;
}

void SpanRecorder::add_provider(Span &span, std::string_view provider) const {
    span.add("image.provider", provider);
    if (const Provider *found = models_.provider(provider)) {
        span.add("gen_ai.provider.name", gen_ai_name_of(*found));
    }
}

void SpanRecorder::on_attempt_end(const AttemptEnd &end) {
    if (end.trace == nullptr || end.span == SpanId{}) {
        return;
    }
    const AttemptRecord &record = end.record;
    const bool is_made = record.outcome == OutcomeType::made;
    const std::string_view outcome = end.dropped ? "client_gone" : name_of(record.outcome);
    Span span = begin(*end.trace, end.span, record.latency);
    span.parent = end.trace->parent_of_attempts();
    span.name = named(record.model);
    span.kind = SpanKind::client;
    span.is_error = !is_made;
    span.add("gen_ai.operation.name", kOperation);
    add_provider(span, record.provider);
    span.add("gen_ai.request.model", record.model);
    if (is_made) {
        span.add("gen_ai.response.model", record.model);
    }
    add_usage(span, end.usage);
    span.add("error.type", is_made ? "" : outcome);
    if (record.status > 0) {
        span.add_number("http.response.status_code", record.status);
    }
    span.add("image.request_id", end.request_id);
    span.add("image.outcome", outcome);
    span.add_number("image.attempt", static_cast<int64_t>(end.number));
    if (record.call) {
        span.add_number("image.call", static_cast<int64_t>(*record.call));
    }
    span.add_number("image.images", is_made ? record.images : 0);
    queue_.add(write_span(span));
}

void SpanRecorder::on_shared_making_end(const SharedMakingEnd &end) {
    Span span = begin(end.trace, end.trace.making, end.latency);
    span.parent = end.trace.span;
    span.name = named(end.requested_model);
    span.kind = SpanKind::internal;
    span.is_error = end.has_failed;
    span.add("gen_ai.operation.name", kOperation);
    add_provider(span, end.provider);
    span.add("gen_ai.request.model", end.requested_model);
    if (!end.has_failed) {
        span.add("gen_ai.response.model", end.model);
    }
    span.add("error.type", end.has_failed ? end.outcome : "");
    span.add("image.request_id", end.request_id);
    span.add("image.outcome", end.outcome);
    span.add_number("image.images", end.images);
    queue_.add(write_span(span));
}

void SpanRecorder::record(const RequestSpan &request) {
    const Trace &trace = request.trace;
    if (!trace.is_exported()) {
        return;
    }
    Span span = begin(trace, trace.span, request.latency);
    if (trace.parent) {
        span.parent = trace.parent->span;
        span.has_remote_parent = true;
    }
    span.link = trace.link;
    span.kind = SpanKind::server;
    span.is_error = request.status >= kFirstFailure;
    span.add("http.request.method", request.method);
    span.add_number("http.response.status_code", request.status);
    const bool is_refused = request.status >= kFirstError;
    const std::string_view outcome = !request.outcome.empty() ? request.outcome
                                     : is_refused             ? "refused"
                                                              : "served";
    span.add("error.type", is_refused ? outcome : "");
    span.add("image.request_id", request.request_id);
    span.add("image.operation", request.operation);
    span.add("image.outcome", outcome);
    if (!request.makes_images) {
        span.name = request.operation;
        queue_.add(write_span(span));
        return;
    }
    span.name = named(request.requested_model);
    span.add("gen_ai.operation.name", kOperation);
    span.add("gen_ai.request.model", request.requested_model);
    if (const AttemptRecord *last = request.last_attempt) {
        add_provider(span, last->provider);
        if (last->outcome == OutcomeType::made) {
            span.add("gen_ai.response.model", last->model);
        }
    }
    add_usage(span, request.usage);
    span.add_number("image.attempts", static_cast<int64_t>(request.attempts));
    span.add_number("image.images", request.images);
    if (request.images_lost > 0) {
        span.add_number("image.images_lost", request.images_lost);
    }
    if (request.cost) {
        span.add_real("image.cost_usd", static_cast<double>(*request.cost) / kMicro);
    }
    queue_.add(write_span(span));
}

}  // namespace gateway
