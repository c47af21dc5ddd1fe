// From a JSON string in a provider's answer to an image, by reference.
#pragma once

#include <optional>

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/outcome.h"

namespace gateway {

// Base64, with or without a "data:" prefix. Nothing when it is no picture: an answer without
// pictures is no success.
std::optional<Image> read_base64_image(JsonValue value);

// Whether it begins as such a picture does, whole or not.
bool begins_as_image(JsonValue value);

// An http or https link to a picture. What is longer than any link is none.
std::optional<Image> read_image_link(JsonValue value);

// An answer that is the picture's own bytes, whatever they are.
std::optional<Image> read_picture(const HttpResponse &response);

}  // namespace gateway
