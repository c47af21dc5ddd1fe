// Reads facts from the blocks of a GIF.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/images/header_reader.h"

namespace gateway {

class GifBlocks {
 public:
    // `front` has at least the first 13 bytes.
    NextRead begin(std::string_view front);
    NextRead look(std::string_view bytes, uint64_t position, HeaderFacts &found);

 private:
    enum class Step : uint8_t { block, extension, control, application, image, data };

    NextRead read_block(uint32_t kind, ImageFacts &facts);
    NextRead read_extension(uint32_t label);
    NextRead read_data(uint32_t size);

    Step step_ = Step::block;
    bool has_image_ = false;
};

}  // namespace gateway
