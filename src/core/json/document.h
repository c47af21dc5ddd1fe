// A JSON document read by yajl, in one go from one buffer, into a flat list of nodes that point
// into it.
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

// For messages to people: "a string", "an integer" and so on are built from these.
std::string_view name_of(JsonKind kind);

struct JsonNode {
    JsonKind kind = JsonKind::absent;
    bool truth = false;
    uint32_t end = 0;     // index of the node after this one and all below it
    uint32_t lifted = 0;  // index of the lifted string
    uint32_t count = 0;   // members or items
    std::string_view key;
    std::string_view text;  // of a string (escapes undone) or a number (as written)
};

class JsonDocument;

// A cheap view of one value; valid as long as its document. What is not there is of kind absent, so
// that lookups can be chained.
class JsonValue {
 public:
    JsonValue() = default;
    JsonValue(const JsonDocument *document, uint32_t index) : document_(document), index_(index) {}

    [[nodiscard]] JsonKind kind() const { return node().kind; }
    [[nodiscard]] bool is(JsonKind kind) const { return node().kind == kind; }
    explicit operator bool() const { return kind() != JsonKind::absent; }

    [[nodiscard]] std::string_view key() const { return node().key; }
    // The text of a string; empty for everything else.
    [[nodiscard]] std::string_view string() const;
    // The same of a string that may have been cut out for its length, unless it is longer than
    // `most` bytes.
    [[nodiscard]] std::string long_string(size_t most) const;
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
    // Members of an object or items of an array; nothing for all else.
    [[nodiscard]] Iterator begin() const;
    [[nodiscard]] Iterator end() const;

 private:
    [[nodiscard]] const JsonNode &node() const;

    const JsonDocument *document_ = nullptr;
    uint32_t index_ = 0;
};

struct JsonLimits {
    size_t depth = 32;
    size_t nodes = 4096;
    size_t members = 256;  // of one object
    bool unique_keys = true;
    bool strict_text = true;
    size_t escapes = SIZE_MAX;  // in all texts together: undoing them is what costs most
};

// Someone's input: everything is checked. The longest prompt that any model takes, all of it
// written in escapes, fits.
inline constexpr JsonLimits kCallersJson{32, 4096, 256, true, true, 80'000};
// A provider's answer: read what can be read.
inline constexpr JsonLimits kProvidersJson{64, 65536, 4096, false, false};
// A file of ours.
inline constexpr JsonLimits kOperatorsJson{32, 16 * 1024 * 1024, 4096, true, true};

struct JsonError {
    std::string message;
    size_t offset = 0;
    std::string key;  // that appears twice; empty: it is something else
};

class JsonDocument {
 public:
    // `text` must outlive the document. With `lifted`, it is the outline that those strings were
    // cut out of.
    static tl::expected<JsonDocument, JsonError> read(
        std::string_view text, const JsonLimits &limits,
        const std::vector<LiftedString> *lifted = nullptr);

    [[nodiscard]] JsonValue root() const { return {this, 0}; }
    // Whether it holds strings that are not in the text it was read from, because of their escapes.
    [[nodiscard]] bool has_own_strings() const { return !unescaped_.empty(); }

 private:
    friend class JsonValue;
    friend class JsonBuilder;

    std::vector<JsonNode> nodes_;
    std::list<std::string> unescaped_;  // a list: its strings never move, and most have none
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
