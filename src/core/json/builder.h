// Builds a document from the values of a text, in their order: a parser calls it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json/document.h"
#include "core/json/text.h"

namespace gateway {

// A function that returns false refuses the value: the document exceeds a limit.
class JsonBuilder {
 public:
    JsonBuilder(std::string_view text, const JsonLimits &limits, JsonDocument &document)
        : text_(text), limits_(limits), document_(document) {
        // Enough for most requests, and little enough for malloc to keep it for the next document.
        constexpr size_t kUsual = 20;
        document_.nodes_.reserve(std::min(limits.nodes, kUsual));
    }

    bool value(JsonKind kind, std::string_view text = {}, bool truth = false) {
        if (document_.nodes_.size() >= limits_.nodes) {
            return refuse("too many values");
        }
        if (depth_ > 0) {
            ++document_.nodes_[innermost()].count;
        }
        JsonNode &node = document_.nodes_.emplace_back();
        node.kind = kind;
        node.truth = truth;
        node.key = std::exchange(key_, {});
        node.end = index();
        node.text = text.empty() ? text : keep(text);
        return true;
    }

    bool string(std::string_view text) {
        if (const auto found = lifted_at(text)) {
            if (!value(JsonKind::lifted)) {
                return false;
            }
            document_.nodes_.back().lifted = *found;
            return true;
        }
        return value(JsonKind::string, text);
    }

    bool key(std::string_view text) {
        const JsonNode &object = document_.nodes_[innermost()];
        if (object.count >= limits_.members) {
            return refuse("too many members in one object");
        }
        key_ = keep(text);
        if (limits_.unique_keys && has_member(innermost(), key_)) {
            twice_ = front_of(key_, kLongestShown);
            return refuse("the key \"" + std::string(front_of(key_, 64)) + "\" appears twice");
        }
        return true;
    }

    bool open(JsonKind kind) {
        if (depth_ >= std::min(limits_.depth, open_.size())) {
            return refuse("nested too deeply");
        }
        const uint32_t at = index();
        if (!value(kind)) {
            return false;
        }
        open_[depth_++] = at;
        return true;
    }

    bool close() {
        document_.nodes_[innermost()].end = index();
        --depth_;
        return true;
    }

    [[nodiscard]] const std::string &refusal() const { return refusal_; }
    // The key that appears twice; empty if there is none.
    [[nodiscard]] const std::string &twice() const { return twice_; }

    // An exception of a callback. It is thrown again after yajl has returned, because it is not an
    // error in the text.
    void keep_exception() noexcept { thrown_ = std::current_exception(); }
    void rethrow() const {
        if (thrown_ != nullptr) {
            std::rethrow_exception(thrown_);
        }
    }

 private:
    static constexpr size_t kLongestShown = 128;  // of a key

    [[nodiscard]] uint32_t index() const { return static_cast<uint32_t>(document_.nodes_.size()); }

    // The object or array that is open.
    [[nodiscard]] uint32_t innermost() const { return open_[depth_ - 1]; }

    bool refuse(std::string why) {
        refusal_ = std::move(why);
        return false;
    }

    [[nodiscard]] bool inside(std::string_view text) const {
        const std::less<const char *> before;
        return !before(text.data(), text_.data()) &&
               !before(text_.data() + text_.size(), text.data());
    }

    // yajl passes a pointer into the document. If it unescaped the string, it passes a pointer into
    // a buffer that it reuses.
    std::string_view keep(std::string_view text) {
        if (inside(text)) {
            return text;
        }
        return document_.unescaped_.emplace_back(text);
    }

    // A string that was cut out is recognised by its position. The author of a document cannot
    // imitate that.
    std::optional<uint32_t> lifted_at(std::string_view text) {
        if (document_.lifted_ == nullptr || !text.empty() || !inside(text)) {
            return std::nullopt;
        }
        const auto &lifted = *document_.lifted_;
        const auto position = static_cast<size_t>(text.data() - text_.data());
        while (next_lifted_ < lifted.size() && lifted[next_lifted_].position < position) {
            ++next_lifted_;
        }
        if (next_lifted_ == lifted.size() || lifted[next_lifted_].position != position) {
            return std::nullopt;
        }
        return next_lifted_;
    }

    [[nodiscard]] bool has_member(uint32_t object, std::string_view key) const {
        for (uint32_t at = object + 1; at < document_.nodes_.size();
             at = document_.nodes_[at].end) {
            if (document_.nodes_[at].key == key) {
                return true;
            }
        }
        return false;
    }

    std::string_view text_;
    const JsonLimits &limits_;
    JsonDocument &document_;
    std::array<uint32_t, JsonLimits::kMaxDepth>
        open_;  // not initialised; `depth_` of them are used
    size_t depth_ = 0;
    std::string_view key_;
    uint32_t next_lifted_ = 0;
    std::string refusal_;
    std::string twice_;
    std::exception_ptr thrown_;
};

}  // namespace gateway
