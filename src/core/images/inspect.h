// Reads facts from the first bytes of an image, without decoding the image.
#pragma once

#include <cstddef>
#include <optional>

#include "core/bytes/bytes.h"
#include "core/outcome.h"

namespace gateway {

struct ImageFacts {
    ImageFormat format = ImageFormat::unknown;
    int width = 0;  // 0 by 0: a JPEG whose size is after the first kMaxInspected bytes
    int height = 0;
    size_t bytes = 0;    // size of the decoded file
    bool whole = false;  // it has the end that its format requires
};

inline constexpr size_t kMaxInspected = size_t{512} * 1024;

// The text is base64 as in base64_stream.h. Returns nothing if it is not an image, or its header is
// invalid or truncated. The rest of the image may still be broken. Decodes as little as possible,
// and at most the first kMaxInspected bytes.
std::optional<ImageFacts> inspect(const Bytes &base64);

}  // namespace gateway
