// A JSON document. It is parsed at once from one buffer into a flat list of nodes, which point into
// that buffer: by a quick reader if it is ordinary, and else by yajl.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/json/lifter.h"

namespace gateway {

enum class JsonKind : uint8_t { absent, null, boolean, number, string, lifted, object, array };

// The name for messages: "a string", "an object" and so on.
std::string_view name_of(JsonKind kind);

struct JsonNode {
    JsonKind kind = JsonKind::absent;
    bool truth = false;
    uint32_t end = 0;     // index of the node after this one and its descendants
    uint32_t lifted = 0;  // index of the lifted string, if kind is lifted
    uint32_t count = 0;   // number of members or items
    std::string_view key;
    std::string_view text;  // of a string (unescaped) or a number (as written)
};

class JsonDocument;

// A view of one value. It is valid as long as its document. A value that does not exist has the
// kind absent, so that lookups can be chained.
class JsonValue {
 public:
    JsonValue() = default;
    JsonValue(const JsonDocument *document, uint32_t index) : document_(document), index_(index) {}

    [[nodiscard]] JsonKind kind() const { return node().kind; }
    [[nodiscard]] bool is(JsonKind kind) const { return node().kind == kind; }
    explicit operator bool() const { return kind() != JsonKind::absent; }

    [[nodiscard]] std::string_view key() const { return node().key; }
    // The text of a string. Empty for every other kind.
    [[nodiscard]] std::string_view string() const;
    // The text of a string that the lifter may have cut out. Empty if it is longer than `max`
    // bytes.
    [[nodiscard]] std::string long_string(size_t max) const;
    [[nodiscard]] std::optional<bool> boolean() const;
    [[nodiscard]] std::optional<double> number() const;
    // 1 and 1.0 and 1e0 are integers, 1.5 is not.
    [[nodiscard]] std::optional<int64_t> integer() const;
    [[nodiscard]] std::string_view number_text() const;
    [[nodiscard]] const LiftedString *lifted() const;

    [[nodiscard]] size_t size() const { return node().count; }
    JsonValue operator[](std::string_view key) const;
    JsonValue operator[](const char *key) const { return (*this)[std::string_view(key)]; }
    [[nodiscard]] JsonValue at(size_t index) const;

    class Iterator;
    // The members of an object or the items of an array. Empty for every other kind.
    [[nodiscard]] Iterator begin() const;
    [[nodiscard]] Iterator end() const;

 private:
    [[nodiscard]] const JsonNode &node() const;

    const JsonDocument *document_ = nullptr;
    uint32_t index_ = 0;
};

struct JsonLimits {
    static constexpr size_t kMaxDepth = 64;
    size_t depth = 32;  // at most kMaxDepth
    size_t nodes = 4096;
    size_t members = 256;  // per object
    bool unique_keys = true;
    bool strict_text = true;
    size_t escapes = SIZE_MAX;  // in all strings together; unescaping is the most expensive part
};

// For requests of callers: everything is checked. The longest prompt that any model accepts fits,
// even if all its characters are escapes.
inline constexpr JsonLimits kCallersJson{32, 4096, 256, true, true, 80'000};
// For provider responses: reads as much as possible.
inline constexpr JsonLimits kProvidersJson{64, 65536, 4096, false, false};
// For files of the operator.
inline constexpr JsonLimits kOperatorsJson{32, 16 * 1024 * 1024, 4096, true, true};

struct JsonError {
    std::string message;
    size_t offset = 0;
    std::string key;  // the key that appears twice; empty for other errors
};

class JsonDocument {
 public:
    // `text` must outlive the document. With `lifted`, `text` is the outline that these strings
    // were cut from.
    static tl::expected<JsonDocument, JsonError> read(
        std::string_view text, const JsonLimits &limits,
        const std::vector<LiftedString> *lifted = nullptr);
    // The same without the quick reader: what that accepts must have the same values here.
    static tl::expected<JsonDocument, JsonError> read_by_yajl(
        std::string_view text, const JsonLimits &limits,
        const std::vector<LiftedString> *lifted = nullptr);

    [[nodiscard]] JsonValue root() const { return {this, 0}; }
    // Whether the document owns unescaped strings, which are not in the text that it was read from.
    [[nodiscard]] bool has_own_strings() const { return !unescaped_.empty(); }

 private:
    friend class JsonValue;
    friend class JsonBuilder;

    std::vector<JsonNode> nodes_;
    std::list<std::string> unescaped_;  // a list, because its strings must not move
    const std::vector<LiftedString> *lifted_ = nullptr;
};

class JsonValue::Iterator {
 public:
    Iterator(const JsonDocument *document, uint32_t index) : document_(document), index_(index) {}
    JsonValue operator*() const { return {document_, index_}; }
    Iterator &operator++();
    bool operator!=(const Iterator &other) const { return index_ != other.index_; }

 private:
    const JsonDocument *document_;
    uint32_t index_;
};

}  // namespace gateway
