#include "core/tracing/span.h"

#include "core/json/text.h"
#include "core/json/writer.h"
#include "core/version.h"

namespace gateway {

namespace {

constexpr size_t kLongestText = 256;  // of an attribute and of a name
constexpr int64_t kError = 2;         // STATUS_CODE_ERROR
// The flags of a span: those of the trace, whether the next bit means something, and whether the
// parent is of another process.
constexpr int64_t kFlagsKnown = 0x101;
constexpr int64_t kRemoteParent = 0x200;

void write_attribute(JsonWriter &json, const SpanAttribute &attribute) {
    json.open_object().key("key").string(attribute.key).key("value").open_object();
    if (const auto *text = std::get_if<std::string_view>(&attribute.value)) {
        json.key("stringValue").string(*text);
    } else if (const auto *number = std::get_if<int64_t>(&attribute.value)) {
        json.key("intValue").string(std::to_string(*number));
    } else {
        json.key("doubleValue").number(std::get<double>(attribute.value));
    }
    json.close_object().close_object();
}

std::string nanoseconds(int64_t milliseconds) {
    return milliseconds <= 0 ? "0" : std::to_string(milliseconds) + "000000";
}

}  // namespace

void Span::add(std::string_view key, std::string_view text) {
    if (!text.empty()) {
        attributes.push_back({key, front_of(text, kLongestText)});
    }
}

std::string write_span(const Span &span) {
    JsonWriter json;
    json.open_object().key("traceId").string(write_id(span.trace));
    json.key("spanId").string(write_id(span.id));
    if (span.parent != SpanId{}) {
        json.key("parentSpanId").string(write_id(span.parent));
    }
    if (!span.state.empty()) {
        json.key("traceState").string(span.state);
    }
    json.key("flags").number(kFlagsKnown | (span.has_remote_parent ? kRemoteParent : 0));
    json.key("name").string(front_of(span.name, kLongestText));
    json.key("kind").number(static_cast<int64_t>(span.kind));
    json.key("startTimeUnixNano").string(nanoseconds(span.begin));
    json.key("endTimeUnixNano").string(nanoseconds(span.end));
    json.key("attributes").open_array();
    for (const SpanAttribute &attribute : span.attributes) {
        write_attribute(json, attribute);
    }
    json.close_array();
    if (span.link) {
        json.key("links").open_array().open_object();
        json.key("traceId").string(write_id(span.link->trace));
        json.key("spanId").string(write_id(span.link->span));
        json.close_object().close_array();
    }
    json.key("status").open_object();
    if (span.is_error) {
        json.key("code").number(kError);
    }
    json.close_object().close_object();
    return std::move(json).finish_text();
}

std::string write_spans_head(std::string_view service) {
    JsonWriter json;
    json.open_object().key("resourceSpans").open_array().open_object();
    json.key("resource").open_object().key("attributes").open_array();
    write_attribute(json, {"service.name", service});
    write_attribute(json, {"service.version", kVersion});
    json.close_array().close_object();
    json.key("scopeSpans").open_array().open_object();
    json.key("scope").open_object().key("name").string("image-gateway");
    json.key("version").string(kVersion).close_object();
    json.key("spans").open_array();
    return std::move(json).finish_text();
}

}  // namespace gateway
