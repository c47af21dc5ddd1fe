#include "core/images/webp_chunks.h"

#include "core/images/byte_order.h"

namespace gateway {

namespace {

constexpr size_t kRiffHeader = 8;  // RFC 9649, section 2.3: name and length
constexpr size_t kFirstChunk = 12;

// A chunk with an odd length is followed by one byte of padding.
uint64_t padded(uint64_t length) {
    return length + (length & 1);
}

}  // namespace

// RFC 9649, sections 2.5 to 2.7 and 3.4. image_header.cc has checked the first chunk.
NextRead WebpChunks::begin(std::string_view front, HeaderFacts &found) {
    const std::string_view name = front.substr(kFirstChunk, 4);
    const uint64_t length = little_endian(front, kFirstChunk + 4, 4);
    constexpr size_t kData = kFirstChunk + kRiffHeader;
    if (name == "VP8X") {
        const uint32_t flags = byte_at(front, kData);
        found.facts.is_animated = (flags & 0x02) != 0;
        found.facts.has_alpha = (flags & 0x10) != 0;
    } else {
        found.facts.is_animated = false;
        found.facts.has_alpha = name == "VP8L" && (byte_at(front, kData + 4) & 0x10) != 0;
    }
    end_ = uint64_t{little_endian(front, 4, 4)} + kRiffHeader;
    return {kData + padded(length), kRiffHeader};
}

NextRead WebpChunks::look(std::string_view bytes, uint64_t position, HeaderFacts &found) {
    if (is_in_exif_) {
        const NextRead next = exif_.look(bytes, found.facts);
        is_in_exif_ = next.need != 0;
        return is_in_exif_ ? next : NextRead{next.advance + (is_padded_ ? 1 : 0), kRiffHeader};
    }
    if (position + kRiffHeader > end_) {
        return {};
    }
    const std::string_view name = bytes.substr(0, 4);
    const uint64_t length = little_endian(bytes, 4, 4);
    if (name == "C2PA") {  // C2PA specification, embedding manifests into RIFF files
        found.facts.has_credentials = true;
    } else if (name == "EXIF" && !exif_.has_orientation()) {
        if (const size_t need = exif_.begin(length, false); need != 0) {
            is_in_exif_ = true;
            is_padded_ = padded(length) != length;
            return {kRiffHeader, need};
        }
    }
    return {kRiffHeader + padded(length), kRiffHeader};
}

}  // namespace gateway
