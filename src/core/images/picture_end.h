// Whether a picture is whole, as far as its ends tell: what was cut short lacks the end.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/outcome.h"

namespace gateway {

// `front` and `tail` are the first and the last bytes of a file of so many: kFrontOfPicture and
// kTailOfPicture of them, if it has as many.
//
// PNG ends with its IEND chunk and nothing else; a JPEG with EOI, behind which some encoders leave
// a few bytes; a GIF with its trailer, and zeros; WebP says at its front how long it is, and may
// have more.
bool has_end(ImageFormat format, std::string_view front, std::string_view tail, size_t bytes);

}  // namespace gateway
