// Any text, read as a caller's, a provider's and an operator's: what was read can be looked at, its
// copy is JSON, and of text copies to itself.
#include "core/json/document.h"

#include <utility>

#include "core/json/text.h"
#include "core/json/writer.h"
#include "fuzz.h"

namespace gateway {
namespace {

size_t look_at(JsonValue value) {
    size_t seen = value.key().size() + value.string().size() + value.number_text().size();
    seen += static_cast<size_t>(value.boolean().has_value()) +
            static_cast<size_t>(value.number().has_value()) +
            static_cast<size_t>(value.integer().has_value());
    if (const auto integer = value.integer(); integer && value.number()) {
        promise(static_cast<double>(*integer) == *value.number(), "an integer is its number");
    }
    size_t children = 0;
    for (const JsonValue child : value) {
        seen += look_at(child);
        promise(child.key().empty() || value.is(JsonKind::object), "only members have keys");
        ++children;
    }
    promise(children == value.size(), "the size is the number of children");
    return seen;
}

std::string copy_of(JsonValue value, int depth) {
    JsonWriter out;
    out.copy(value, depth);
    return std::move(out).finish_text();
}

void read(std::string_view text, const JsonLimits &limits) {
    const auto document = JsonDocument::read(text, limits);
    if (!document) {
        promise(!document.error().message.empty(), "an error says why");
        promise(document.error().offset <= text.size(), "an error is within the text");
        return;
    }
    const JsonValue root = document->root();
    (void)look_at(root);
    promise(!limits.strict_text || !find_bad_text(text), "strict text is text");
    for (const int depth : {0, 2, 8}) {
        const std::string copy = copy_of(root, depth);
        promise_json(copy, "a copy is JSON", /*unique_keys=*/false);
        const auto again = JsonDocument::read(copy, {64, 1 << 24, 1 << 24, false, true});
        // Bytes that are no text become longer, so theirs may be cut once more.
        promise(!limits.strict_text || copy_of(again->root(), 64) == copy,
                "a copy copies to itself", copy);
    }
}

void run(std::string_view text) {
    read(text, kCallersJson);
    read(text, kProvidersJson);
    read(text, kOperatorsJson);
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run(gateway::Input(data, size).rest());
    return 0;
}
