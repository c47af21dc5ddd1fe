// Reads facts from the chunks of a WebP.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/images/exif_reader.h"
#include "core/images/header_reader.h"

namespace gateway {

class WebpChunks {
 public:
    // `front` are the first kFrontOfImage bytes, or all bytes of a smaller file.
    NextRead begin(std::string_view front, HeaderFacts &found);
    NextRead look(std::string_view bytes, uint64_t position, HeaderFacts &found);

 private:
    uint64_t end_ = 0;  // of the RIFF file; anything may follow
    ExifReader exif_;
    bool is_in_exif_ = false;
    bool is_padded_ = false;  // the chunk of the EXIF data
};

}  // namespace gateway
