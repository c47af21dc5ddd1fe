// Reads values of a request. In a form, all of them are texts.
#pragma once

#include <cstdint>
#include <optional>

#include "core/json/document.h"

namespace gateway {

struct ValueReader {
    bool is_form = false;

    [[nodiscard]] std::optional<int64_t> integer(JsonValue value) const;
    [[nodiscard]] std::optional<double> number(JsonValue value) const;
    // In a form: true, false, 1 and 0; SDKs for Python write True and False.
    [[nodiscard]] std::optional<bool> boolean(JsonValue value) const;
};

// Whether the text begins like an address of the web.
bool is_url(std::string_view text);

}  // namespace gateway
