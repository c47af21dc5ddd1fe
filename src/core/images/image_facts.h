// What an image's own bytes say about it, without decoding it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/outcome.h"

namespace gateway {

struct ImageFacts {
    ImageFormat format = ImageFormat::unknown;
    int width = 0;  // as stored, before any rotation
    int height = 0;
    size_t bytes = 0;    // size of the file
    bool whole = false;  // it has the end that its format requires
    // EXIF orientation, 1 to 8; 1 also if the file has none. Always 1 for AVIF and HEIC, whose own
    // rotation (irot, imir) is not read.
    uint8_t orientation = 1;
    // Nothing if it is not known, because the file is truncated, or has too many parts.
    std::optional<bool> has_alpha;
    std::optional<bool> is_animated;
    bool has_16_bits = false;      // per channel; only of a PNG
    bool is_interlaced = false;    // only of a PNG
    bool has_credentials = false;  // Content Credentials (C2PA) were found
};

}  // namespace gateway
