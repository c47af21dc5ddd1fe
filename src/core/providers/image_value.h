// Reads images from JSON strings in a provider's response, by reference.
#pragma once

#include <optional>

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/outcome.h"

namespace gateway {

// An image in base64, with or without a "data:" prefix. Nothing if it is not an image: a response
// without images is not a success.
std::optional<Image> read_base64_image(JsonValue value);

// Whether it begins like such an image, complete or not.
bool begins_as_image(JsonValue value);

// An http or https link to an image. A text longer than any real link is not one.
std::optional<Image> read_image_link(JsonValue value);

// The image of a response whose body is the image's own bytes, of any format.
std::optional<Image> read_image_body(const HttpResponse &response);

}  // namespace gateway
