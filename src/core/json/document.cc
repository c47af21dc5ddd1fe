#include "core/json/document.h"

#include <yajl/yajl_parse.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <new>
#include <utility>

#include "core/json/arena.h"
#include "core/json/builder.h"
#include "core/json/quick_reader.h"
#include "core/json/text.h"

namespace gateway {

std::string_view name_of(JsonKind kind) {
    switch (kind) {
        case JsonKind::absent: return "nothing";
        case JsonKind::null: return "null";
        case JsonKind::boolean: return "a boolean";
        case JsonKind::number: return "a number";
        case JsonKind::string: return "a string";
        case JsonKind::lifted: return "a very long string";
        case JsonKind::object: return "an object";
        case JsonKind::array: return "an array";
    }
    return "nothing";
}

namespace {

std::string_view view(const unsigned char *text, size_t size) {
    return {reinterpret_cast<const char *>(text), size};
}

// yajl's callbacks. yajl is C, so no exception may leave them.
template <typename Body>
int guarded(void *context, Body body) noexcept {
    auto &builder = *static_cast<JsonBuilder *>(context);
    try {
        return body(builder) ? 1 : 0;
    } catch (...) {
        builder.keep_exception();
        return 0;
    }
}

extern "C" {
int json_on_null(void *context) {
    return guarded(context, [](JsonBuilder &b) { return b.value(JsonKind::null); });
}
int json_on_boolean(void *context, int truth) {
    return guarded(context,
                   [=](JsonBuilder &b) { return b.value(JsonKind::boolean, {}, truth != 0); });
}
int json_on_number(void *context, const char *text, size_t size) {
    return guarded(context, [=](JsonBuilder &b) {
        return b.value(JsonKind::number, std::string_view(text, size));
    });
}
int json_on_string(void *context, const unsigned char *text, size_t size) {
    return guarded(context, [=](JsonBuilder &b) { return b.string(view(text, size)); });
}
int json_on_key(void *context, const unsigned char *text, size_t size) {
    return guarded(context, [=](JsonBuilder &b) { return b.key(view(text, size)); });
}
int json_on_object(void *context) {
    return guarded(context, [](JsonBuilder &b) { return b.open(JsonKind::object); });
}
int json_on_array(void *context) {
    return guarded(context, [](JsonBuilder &b) { return b.open(JsonKind::array); });
}
int json_on_close(void *context) {
    return guarded(context, [](JsonBuilder &b) { return b.close(); });
}
}

constexpr yajl_callbacks kCallbacks = {
    json_on_null,   json_on_boolean, nullptr,       nullptr,       json_on_number, json_on_string,
    json_on_object, json_on_key,     json_on_close, json_on_array, json_on_close,
};

struct FreeYajl {
    void operator()(yajl_handle handle) const { yajl_free(handle); }
};
using Yajl = std::unique_ptr<std::remove_pointer_t<yajl_handle>, FreeYajl>;

JsonError explain(yajl_handle yajl, const JsonBuilder &builder) {
    builder.rethrow();
    JsonError error;
    error.offset = yajl_get_bytes_consumed(yajl);
    error.message = builder.refusal();
    error.key = builder.twice();
    if (error.message.empty()) {
        unsigned char *text = yajl_get_error(yajl, 0, nullptr, 0);
        error.message = text == nullptr ? "not valid JSON" : reinterpret_cast<const char *>(text);
        yajl_free_error(yajl, text);
        while (!error.message.empty() && error.message.back() == '\n') {
            error.message.pop_back();
        }
    }
    return error;
}

}  // namespace

tl::expected<JsonDocument, JsonError> JsonDocument::read(std::string_view text,
                                                         const JsonLimits &limits,
                                                         const std::vector<LiftedString> *lifted) {
    if (!limits.strict_text || !find_bad_text(text, limits.escapes)) {
        JsonDocument document;
        document.lifted_ = lifted;
        JsonBuilder builder(text, limits, document);
        if (read_quickly(text, builder)) {
            return document;
        }
    }
    return read_by_yajl(text, limits, lifted);
}

tl::expected<JsonDocument, JsonError> JsonDocument::read_by_yajl(
    std::string_view text, const JsonLimits &limits, const std::vector<LiftedString> *lifted) {
    if (limits.strict_text) {
        if (const auto offset = find_bad_text(text, limits.escapes)) {
            return tl::unexpected(JsonError{text[*offset] == '\\'
                                                ? "half of a surrogate pair, or too many escapes"
                                                : "not valid UTF-8 text",
                                            *offset,
                                            {}});
        }
    }
    JsonDocument document;
    document.lifted_ = lifted;
    JsonBuilder builder(text, limits, document);
    YajlArena arena;
    yajl_alloc_funcs memory = arena.functions();
    const Yajl yajl(yajl_alloc(&kCallbacks, &memory, &builder));
    if (yajl == nullptr) {
        throw std::bad_alloc();
    }
    yajl_config(yajl.get(), yajl_dont_validate_strings, 1);  // checked above, or not required
    const auto *bytes = reinterpret_cast<const unsigned char *>(text.data());
    if (yajl_parse(yajl.get(), bytes, text.size()) != yajl_status_ok) {
        return tl::unexpected(explain(yajl.get(), builder));
    }
    if (yajl_complete_parse(yajl.get()) != yajl_status_ok || document.nodes_.empty()) {
        JsonError error = explain(yajl.get(), builder);
        error.offset = text.size();  // the text ends too early, and yajl has reset its count
        return tl::unexpected(std::move(error));
    }
    return document;
}

const JsonNode &JsonValue::node() const {
    static constexpr JsonNode kAbsent{};
    return document_ == nullptr ? kAbsent : document_->nodes_[index_];
}

std::string_view JsonValue::string() const {
    return is(JsonKind::string) ? node().text : std::string_view();
}

std::string JsonValue::long_string(size_t max) const {
    const LiftedString *cut = lifted();
    if (cut == nullptr) {
        return std::string(string());
    }
    if (cut->content.size() > max) {
        return {};
    }
    const std::string quoted = '"' + cut->content.copy() + '"';
    const auto document = JsonDocument::read(quoted, kProvidersJson);
    return document ? std::string(document->root().string()) : std::string();
}

std::string_view JsonValue::number_text() const {
    return is(JsonKind::number) ? node().text : std::string_view();
}

std::optional<bool> JsonValue::boolean() const {
    if (!is(JsonKind::boolean)) {
        return std::nullopt;
    }
    return node().truth;
}

std::optional<double> JsonValue::number() const {
    const std::string_view text = number_text();
    double number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || stop != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

std::optional<int64_t> JsonValue::integer() const {
    const std::string_view text = number_text();
    int64_t integer = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), integer);
    if (!text.empty() && error == std::errc() && stop == text.data() + text.size()) {
        return integer;
    }
    // Beyond 2^53 a double cannot represent every integer.
    constexpr double kExact = 9007199254740992.0;
    const auto real = number();
    if (!real || std::trunc(*real) != *real || std::fabs(*real) >= kExact) {
        return std::nullopt;
    }
    return static_cast<int64_t>(*real);
}

const LiftedString *JsonValue::lifted() const {
    return is(JsonKind::lifted) ? &(*document_->lifted_)[node().lifted] : nullptr;
}

JsonValue JsonValue::operator[](std::string_view key) const {
    const JsonNode &object = node();
    if (object.kind == JsonKind::object) {
        const JsonNode *nodes = document_->nodes_.data();
        for (uint32_t at = index_ + 1; at < object.end; at = nodes[at].end) {
            if (nodes[at].key == key) {
                return {document_, at};
            }
        }
    }
    return {};
}

JsonValue JsonValue::at(size_t index) const {
    if (is(JsonKind::array)) {
        for (const JsonValue item : *this) {
            if (index-- == 0) {
                return item;
            }
        }
    }
    return {};
}

JsonValue::Iterator JsonValue::begin() const {
    const bool container = is(JsonKind::object) || is(JsonKind::array);
    return {document_, container ? index_ + 1 : 0};
}

JsonValue::Iterator JsonValue::end() const {
    const bool container = is(JsonKind::object) || is(JsonKind::array);
    return {document_, container ? node().end : 0};
}

JsonValue::Iterator &JsonValue::Iterator::operator++() {
    index_ = document_->nodes_[index_].end;
    return *this;
}

}  // namespace gateway
