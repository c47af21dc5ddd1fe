// A span, and how it is written as OTLP/HTTP JSON (OpenTelemetry Protocol 1.x).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/tracing/trace.h"

namespace gateway {

// With the numbers of OTLP.
enum class SpanKind : uint8_t { internal = 1, server = 2, client = 3 };

struct SpanAttribute {
    std::string_view key;
    std::variant<std::string_view, int64_t, double> value;
};

// What it refers to must exist until it is written.
struct Span {
    TraceId trace{};
    SpanId id{};
    SpanId parent{};  // zero: none
    bool has_remote_parent = false;
    std::string_view state;  // tracestate
    std::string name;
    SpanKind kind = SpanKind::internal;
    int64_t begin = 0;  // unix milliseconds
    int64_t end = 0;
    std::vector<SpanAttribute> attributes;
    std::optional<SpanLink> link;
    bool is_error = false;

    // A text that is empty is not added; one that is long is cut.
    void add(std::string_view key, std::string_view text);
    void add_number(std::string_view key, int64_t number) { attributes.push_back({key, number}); }
    void add_real(std::string_view key, double number) { attributes.push_back({key, number}); }
};

// One item of the array "spans".
std::string write_span(const Span &span);

// The document around the items: what stands before them and after them.
std::string write_spans_head(std::string_view service);
inline constexpr std::string_view kSpansTail = "]}]}]}";

}  // namespace gateway
