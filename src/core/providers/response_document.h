// The JSON document of a provider's response, or of an event in its stream.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "core/json/document.h"
#include "core/json/lifter.h"

namespace gateway {

class ResponseDocument {
 public:
    // Refers to `text`, which must outlive it.
    explicit ResponseDocument(const LiftedText &text);

    // Absent where there is no document.
    [[nodiscard]] JsonValue root() const { return document_ ? document_->root() : JsonValue(); }
    [[nodiscard]] bool is_json() const { return document_.has_value(); }
    // Why there is none.
    [[nodiscard]] const std::string &problem() const { return document_.error(); }

 private:
    tl::expected<JsonDocument, std::string> document_;
};

}  // namespace gateway
