#include "core/providers/response_document.h"

namespace gateway {

namespace {

tl::expected<JsonDocument, std::string> read_document(const LiftedText &text) {
    if (text.outline_too_large) {
        return tl::unexpected(std::string("the response does not have the expected form"));
    }
    return JsonDocument::read(text.outline, kProvidersJson, &text.strings)
        .map_error(
            [](const JsonError &error) { return "the response is not JSON: " + error.message; });
}

}  // namespace

ResponseDocument::ResponseDocument(const LiftedText &text) : document_(read_document(text)) {}

}  // namespace gateway
