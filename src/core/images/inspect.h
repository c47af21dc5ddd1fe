// Reads facts from an image in base64, without decoding the image.
#pragma once

#include <optional>

#include "core/bytes/bytes.h"
#include "core/images/base64_inspector.h"
#include "core/images/image_facts.h"

namespace gateway {

// The text is base64 as in base64_stream.h. Returns nothing if it is not an image, or its header is
// invalid or truncated. The rest of the image may still be broken. Decodes headers only.
std::optional<ImageFacts> inspect(const Bytes &base64);

}  // namespace gateway
