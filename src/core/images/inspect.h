// What a picture says of itself in its first bytes, without decoding it.
#pragma once

#include <cstddef>
#include <optional>

#include "core/bytes/bytes.h"
#include "core/outcome.h"

namespace gateway {

struct PictureFacts {
    ImageFormat format = ImageFormat::unknown;
    int width = 0;  // 0 by 0: a JPEG that tells its size further in than we look
    int height = 0;
    size_t bytes = 0;    // of the file, decoded
    bool whole = false;  // it ends as it should
};

inline constexpr size_t kMostInspected = size_t{512} * 1024;

// The text is base64 as in base64_stream.h. Nothing for what is no picture, or has a header that
// cannot be, or ends within it. What comes after the header may still be broken. Decodes as little
// as it can, and never more than the first kMostInspected bytes.
std::optional<PictureFacts> inspect(const Bytes &base64);

}  // namespace gateway
