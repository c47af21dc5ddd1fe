// From a JSON string in a provider's answer to an image, by reference.
#pragma once

#include <optional>

#include "core/json/document.h"
#include "core/outcome.h"

namespace gateway {

// Base64, with or without a "data:" prefix. Nothing when it is no picture: an answer without
// pictures is no success.
std::optional<Image> read_base64_image(JsonValue value);

// An http or https link to a picture.
std::optional<Image> read_image_link(JsonValue value);

}  // namespace gateway
