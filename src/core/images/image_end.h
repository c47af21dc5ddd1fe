// Checks that an image has the end that its format requires. A truncated image does not.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/outcome.h"

namespace gateway {

// `front` and `tail` are the first 8 and the last kTailOfImage bytes of a file of
// `bytes` bytes, or fewer if the file is smaller.
//
// A PNG ends with its IEND chunk and nothing else. A JPEG ends with EOI, and some encoders write a
// few bytes after it. A GIF ends with its trailer, and zeros may follow. A WebP has its length at
// the front, and anything may follow. AVIF and HEIC have no mark at their end: ImageWalk follows
// their boxes.
bool has_end(ImageFormat format, std::string_view front, std::string_view tail, size_t bytes);

}  // namespace gateway
