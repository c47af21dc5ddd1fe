// The place of a request in a trace: where the trace comes from, which spans of ours belong to it,
// and what providers see of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/rare.h"
#include "core/tracing/trace_context.h"

namespace gateway {

// What a provider sees of the trace: nothing, the span that the caller has named, or the span of
// the attempt.
enum class TraceMode : uint8_t { off, parent, on };

// What a request says about its trace, not checked yet. Empty: nothing.
struct IncomingTrace {
    std::string_view traceparent;
    std::string tracestate;    // the values of all such headers, with commas between them
    bool is_repeated = false;  // traceparent, so that it counts as missing
    // Of nginx's OpenTelemetry module, whose span is then the parent of ours.
    std::string_view otel_trace;
    std::string_view otel_span;

    [[nodiscard]] bool is_empty() const { return traceparent.empty() && otel_span.empty(); }
};

struct SpanLink {
    TraceId trace{};
    SpanId span{};
};

struct Trace {
    TraceId id{};
    std::optional<TraceParent> parent;  // the span around ours; nothing: the trace begins here
    std::string state;                  // tracestate, which belongs to the caller's trace
    // Only if spans are exported and the caller's trace is sampled:
    SpanId span{};                 // of the request
    SpanId making{};               // of a shared making of its order; zero: there is none
    std::optional<SpanLink> link;  // the shared making of another request that it waits for

    [[nodiscard]] bool is_exported() const { return span != SpanId{}; }
    // Of an attempt.
    [[nodiscard]] const SpanId &parent_of_attempts() const {
        return making == SpanId{} ? span : making;
    }
};

// Empty if the request is in no trace.
Rare<Trace> begin_trace(const IncomingTrace &incoming, bool exports, Random &random);
// The order is made by a shared making. Whether its span is exported.
bool begin_making(Rare<Trace> &trace, Random &random);
// `trace` waits for what the making with the other trace makes.
void follow_making(Rare<Trace> &trace, const Rare<Trace> &leader);

// One attempt: its span, and the headers of its calls.
struct AttemptTrace {
    SpanId span{};            // zero: it is not exported
    std::string traceparent;  // empty: the provider does not see it
    std::string_view tracestate;
};
AttemptTrace begin_attempt(const Trace *trace, TraceMode mode, Random &random);

}  // namespace gateway
