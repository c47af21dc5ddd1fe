// The headers traceparent and tracestate of W3C Trace Context. Callers write them, so they are read
// strictly: what the standard does not allow counts as missing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ports.h"

namespace gateway {

// Zero: none.
using TraceId = std::array<uint8_t, 16>;
using SpanId = std::array<uint8_t, 8>;

// A span of somebody else, or one of ours as others see it.
struct TraceParent {
    static constexpr uint8_t kSampled = 1;
    static constexpr uint8_t kKnownFlags = 3;  // sampled, and that the trace id is random

    TraceId trace{};
    SpanId span{};
    uint8_t flags = 0;  // only those that are known

    [[nodiscard]] bool is_sampled() const { return (flags & kSampled) != 0; }
    bool operator==(const TraceParent &) const = default;
};

std::optional<TraceParent> read_traceparent(std::string_view value);
// In version 00.
std::string write_traceparent(const TraceParent &parent);

// The members with a comma between two, and without those at the end that have no room. Empty if
// the value breaks the standard's rules.
inline constexpr size_t kTraceStateRoom = 512;
std::string read_tracestate(std::string_view value);

// Hexadecimal digits in lower case that are not all zero, and nothing else.
std::optional<TraceId> read_trace_id(std::string_view text);
std::optional<SpanId> read_span_id(std::string_view text);
std::string write_id(const TraceId &id);
std::string write_id(const SpanId &id);

TraceId new_trace_id(Random &random);
SpanId new_span_id(Random &random);

}  // namespace gateway
