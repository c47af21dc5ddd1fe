// JSON text and its document, to check what the gateway wrote.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "core/json/document.h"

namespace gateway {

class ReadJson {
 public:
    explicit ReadJson(std::string text)
        : text_(std::make_unique<const std::string>(std::move(text))) {
        auto read = JsonDocument::read(*text_, kOperatorsJson);
        if (read) {
            document_ = std::make_unique<const JsonDocument>(std::move(*read));
        } else {
            ADD_FAILURE() << "not JSON: " << read.error().message << "\n" << *text_;
        }
    }
    [[nodiscard]] JsonValue root() const {
        return document_ == nullptr ? JsonValue() : document_->root();
    }
    JsonValue operator[](const char *key) const { return root()[key]; }
    [[nodiscard]] const std::string &text() const { return *text_; }

 private:
    std::unique_ptr<const std::string> text_;
    std::unique_ptr<const JsonDocument> document_;
};

// The names of an object's members, in order.
inline std::string keys_of(JsonValue object) {
    std::string names;
    for (const JsonValue member : object) {
        names += (names.empty() ? "" : " ") + std::string(member.key());
    }
    return names;
}

}  // namespace gateway
