// Reads facts from the segments of a JPEG that precede its first scan.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/images/exif_reader.h"
#include "core/images/header_reader.h"

namespace gateway {

class JpegSegments {
 public:
    NextRead begin(HeaderFacts &found);
    // The bytes begin where a marker is expected, or in EXIF data. Looks at all of the bytes.
    NextRead look(std::string_view bytes, uint64_t position, HeaderFacts &found);

 private:
    // Takes one segment of `length` bytes after its marker. Says what it needs if `bytes`, which
    // begin with the marker, are too few.
    enum class Taken : uint8_t { passed, is_wrong, needs_more, is_exif };
    Taken take(std::string_view bytes, uint64_t position, HeaderFacts &found);

    ExifReader exif_;
    size_t need_ = 0;
    uint32_t markers_ = 0;  // so far, and whatever looks like one
    bool is_in_exif_ = false;
};

}  // namespace gateway
