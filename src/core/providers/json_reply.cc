#include "core/providers/json_reply.h"

#include <utility>

namespace gateway {

std::optional<JsonDocument> read_document(const HttpReply &reply) {
    if (reply.body.outline_too_large) {
        return std::nullopt;
    }
    auto document = JsonDocument::read(reply.body.outline, kProvidersJson, &reply.body.strings);
    return document ? std::optional(std::move(*document)) : std::nullopt;
}

}  // namespace gateway
