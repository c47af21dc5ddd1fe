#include "core/images/png_chunks.h"

#include "core/images/byte_order.h"
#include "core/images/image_header.h"

namespace gateway {

namespace {

// PNG specification, section 5.3: length, name, data, checksum.
constexpr size_t kPngHeader = 8;
constexpr size_t kPngChecksum = 4;

// PNG specification, section 11.2.1.
bool has_alpha_channel(uint32_t colour_type) {
    return colour_type == 4 || colour_type == 6;
}

// tRNS and acTL must precede the first IDAT.
void note_first_data(ImageFacts &facts) {
    facts.has_alpha = facts.has_alpha.value_or(false);
    facts.is_animated = facts.is_animated.value_or(false);
}

}  // namespace

NextRead PngChunks::begin(std::string_view front, HeaderFacts &found) {
    constexpr size_t kBitDepth = 24;
    constexpr size_t kColourType = 25;
    constexpr size_t kInterlaceMethod = 28;
    found.facts.has_16_bits = byte_at(front, kBitDepth) == 16;
    found.facts.is_interlaced = byte_at(front, kInterlaceMethod) != 0;
    if (has_alpha_channel(byte_at(front, kColourType))) {
        found.facts.has_alpha = true;
    }
    return {kFrontOfImage, kPngHeader};
}

NextRead PngChunks::look(std::string_view bytes, uint64_t /*position*/, HeaderFacts &found) {
    if (is_in_exif_) {
        const NextRead next = exif_.look(bytes, found.facts);
        is_in_exif_ = next.need != 0;
        return is_in_exif_ ? next : NextRead{next.advance + kPngChecksum, kPngHeader};
    }
    const uint64_t length = big_endian(bytes, 0, 4);
    const std::string_view name = bytes.substr(4, 4);
    if (name == "IDAT") {
        note_first_data(found.facts);
    } else if (name == "IEND") {
        return {};
    } else if (name == "tRNS") {
        found.facts.has_alpha = true;
    } else if (name == "acTL") {
        found.facts.is_animated = true;
    } else if (name == "caBX") {  // C2PA specification, embedding manifests into PNG
        found.facts.has_credentials = true;
    } else if (name == "eXIf" && !exif_.has_orientation()) {
        if (const size_t need = exif_.begin(length, false); need != 0) {
            is_in_exif_ = true;
            return {kPngHeader, need};
        }
    }
    return {kPngHeader + length + kPngChecksum, kPngHeader};
}

}  // namespace gateway
