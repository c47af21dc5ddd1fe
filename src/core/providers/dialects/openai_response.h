// Reads responses of OpenAI and of compatible servers: images, usage, errors.
#pragma once

#include <optional>
#include <string_view>

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/outcome.h"

namespace gateway {

std::optional<Image> read_openai_image(JsonValue item);

// The list of images: "data", or else "images".
JsonValue items_of(JsonValue root);

// The code of a refusal where the provider has none.
inline constexpr std::string_view kModeratedCode = "content_moderated";

// Whether an image was made and withheld: the flag stands beside it, or in its place.
bool is_withheld(JsonValue item);
// Whether a filter removed the image. Azure lists its filters beside images, too.
bool is_filtered(JsonValue item);

std::optional<Usage> read_openai_usage(JsonValue value);

// The error in a response, in any of the known forms: an object, a text, a code and a message at
// the top, a document that is only a text, or FastAPI's detail. Nothing if there is none.
std::optional<ProviderError> read_openai_error(const HttpResponse &response, JsonValue root);

}  // namespace gateway
