#include "core/tracing/trace.h"

namespace gateway {

namespace {

// The span around ours: of nginx's module, which has continued the caller's trace or has begun
// another one, or the caller's.
std::optional<TraceParent> parent_of(const IncomingTrace &incoming,
                                     const std::optional<TraceParent> &caller) {
    const auto span = read_span_id(incoming.otel_span);
    const auto trace = read_trace_id(incoming.otel_trace);
    if (!span || (!trace && !caller)) {
        return caller;
    }
    if (!caller || (trace && *trace != caller->trace)) {
        return TraceParent{*trace, *span, TraceParent::kSampled};
    }
    return TraceParent{caller->trace, *span, caller->flags};
}

}  // namespace

Rare<Trace> begin_trace(const IncomingTrace &incoming, bool exports, Random &random) {
    Rare<Trace> trace;
    if (incoming.is_empty() && !exports) {
        return trace;
    }
    const auto caller =
        incoming.is_repeated ? std::nullopt : read_traceparent(incoming.traceparent);
    const auto parent = parent_of(incoming, caller);
    if (!parent && !exports) {
        return trace;
    }
    trace.emplace();
    trace->parent = parent;
    trace->id = parent ? parent->trace : new_trace_id(random);
    if (caller && caller->trace == trace->id && !incoming.tracestate.empty()) {
        trace->state = read_tracestate(incoming.tracestate);
    }
    if (exports && (!parent || parent->is_sampled())) {
        trace->span = new_span_id(random);
    }
    return trace;
}

bool begin_making(Rare<Trace> &trace, Random &random) {
    if (!trace || !trace->is_exported()) {
        return false;
    }
    trace->making = new_span_id(random);
    return true;
}

void follow_making(Rare<Trace> &trace, const Rare<Trace> &leader) {
    if (trace && leader && leader->making != SpanId{}) {
        trace->link = SpanLink{leader->id, leader->making};
    }
}

AttemptTrace begin_attempt(const Trace *trace, TraceMode mode, Random &random) {
    AttemptTrace attempt;
    if (trace == nullptr) {
        return attempt;
    }
    if (trace->is_exported()) {
        attempt.span = new_span_id(random);
    }
    if (mode == TraceMode::off) {
        return attempt;
    }
    if (mode == TraceMode::on && trace->is_exported()) {
        const uint8_t flags = trace->parent ? trace->parent->flags : TraceParent::kSampled;
        attempt.traceparent = write_traceparent({trace->id, attempt.span, flags});
    } else if (trace->parent) {
        attempt.traceparent = write_traceparent(*trace->parent);
    } else {
        return attempt;
    }
    attempt.tracestate = trace->state;
    return attempt;
}

}  // namespace gateway
