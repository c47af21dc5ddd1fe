// Reads the orientation of an image from its EXIF data, and nothing else.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/images/header_reader.h"

namespace gateway {

class ExifReader {
 public:
    // The data has `size` bytes and begins with "Exif\0\0" and a TIFF header. Without
    // `needs_prefix` it may begin with the TIFF header. Returns the number of bytes to look at; 0
    // if there are too few.
    size_t begin(uint64_t size, bool needs_prefix);

    // If `need` is 0, it advances to the end of the data.
    NextRead look(std::string_view bytes, ImageFacts &facts);

    [[nodiscard]] bool has_orientation() const { return has_orientation_; }

 private:
    enum class Step : uint8_t { prefix, header, count, entry };

    NextRead read(std::string_view bytes, ImageFacts &facts);
    NextRead read_prefix(std::string_view bytes);
    NextRead read_header(std::string_view order, std::string_view bytes, uint64_t consumed);
    NextRead read_entry(std::string_view bytes, ImageFacts &facts);
    [[nodiscard]] uint32_t number(std::string_view bytes, size_t at, size_t count) const;

    uint64_t left_ = 0;  // bytes of the data
    uint32_t entries_ = 0;
    Step step_ = Step::prefix;
    bool needs_prefix_ = false;
    bool is_little_endian_ = false;
    bool has_orientation_ = false;
};

}  // namespace gateway
