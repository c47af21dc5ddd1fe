#include "core/providers/json_response.h"

#include <utility>

namespace gateway {

std::optional<JsonDocument> read_document(const HttpResponse &response) {
    if (response.body.outline_too_large) {
        return std::nullopt;
    }
    auto document =
        JsonDocument::read(response.body.outline, kProvidersJson, &response.body.strings);
    return document ? std::optional(std::move(*document)) : std::nullopt;
}

}  // namespace gateway
