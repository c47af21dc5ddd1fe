// Reads facts from the chunks of a PNG.
#pragma once

#include <string_view>

#include "core/images/exif_reader.h"
#include "core/images/header_reader.h"

namespace gateway {

class PngChunks {
 public:
    // `front` are the first kFrontOfImage bytes.
    NextRead begin(std::string_view front, HeaderFacts &found);
    NextRead look(std::string_view bytes, uint64_t position, HeaderFacts &found);

 private:
    ExifReader exif_;
    bool is_in_exif_ = false;
};

}  // namespace gateway
