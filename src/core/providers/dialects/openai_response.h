// What OpenAI's answers, and those of the servers that speak like it, say: pictures, usage, errors.
#pragma once

#include <optional>
#include <string_view>

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/outcome.h"

namespace gateway {

std::optional<Image> read_openai_image(JsonValue item);

// The list of what was made: "data", or "images" where there is none.
JsonValue items_of(JsonValue root);

// The code of a refusal that has none of its own.
inline constexpr std::string_view kModeratedCode = "content_moderated";

// A picture that was made and taken back: the word stands beside it, or in its place.
bool is_withheld(JsonValue item);
// What a filter has let nothing come of. Azure tells of its filters beside pictures, too.
bool is_filtered(JsonValue item);

std::optional<Usage> read_openai_usage(JsonValue value);

// The error in an answer, in any of the forms that are about: an object, a text, a code and a
// message without a cover, nothing but a text, or FastAPI's detail. Nothing if there is none.
std::optional<ProviderError> read_openai_error(const HttpResponse &response, JsonValue root);

}  // namespace gateway
