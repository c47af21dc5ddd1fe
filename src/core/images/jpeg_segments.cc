#include "core/images/jpeg_segments.h"

#include <algorithm>

#include "core/images/byte_order.h"
#include "core/images/image_header.h"

namespace gateway {

namespace {

using namespace std::string_view_literals;

constexpr size_t kJpegMarker = 2;
constexpr size_t kSegmentHeader = 4;  // marker and length
constexpr uint32_t kApp1 = 0xe1;
constexpr uint32_t kApp11 = 0xeb;

// ITU-T T.81, table B.1.
bool stands_alone(uint32_t marker) {
    return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);  // TEM, RST0 to RST7, SOI
}

bool ends_headers(uint32_t marker) {
    return marker == 0xd9 || marker == 0xda;  // EOI, SOS
}

bool starts_frame(uint32_t marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

// ITU-T T.81, section B.2.2: length, precision, height, width, and three bytes per component.
constexpr size_t kFrame = 10;
bool read_frame(std::string_view bytes, size_t length, ImageFacts &facts) {
    const auto size = possible_size(big_endian(bytes, 7, 2), big_endian(bytes, 5, 2));
    const size_t components = byte_at(bytes, 9);
    if (!size || components == 0 || length != 8 + 3 * components) {
        return false;
    }
    facts.width = size->width;
    facts.height = size->height;
    return true;
}

// C2PA specification, embedding manifests into JPEG: "JP", two numbers of 2 and 4 bytes, and a
// JUMBF superbox whose description box has the type of a manifest store. The length of the superbox
// has 4 bytes, or 1 and then 8 bytes. Later segments of the same box have no description box.
constexpr std::string_view kManifestStore =
    "jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"sv;
constexpr size_t kJumbf = 8 + 8 + 8 + 4 + kManifestStore.size();
bool begins_manifest_store(std::string_view content) {
    const size_t length = big_endian(content, 8, 4) == 1 ? 12 : 4;
    return content.starts_with("JP") && content.substr(12, 4) == "jumb" &&
           content.substr(8 + length + 4 + 4).starts_with(kManifestStore);
}

}  // namespace

NextRead JpegSegments::begin(HeaderFacts &found) {
    found.facts.has_alpha = false;
    found.facts.is_animated = false;
    return {kJpegMarker, kJpegMarker};
}

NextRead JpegSegments::look(std::string_view bytes, uint64_t position, HeaderFacts &found) {
    if (is_in_exif_) {
        const NextRead next = exif_.look(bytes, found.facts);
        is_in_exif_ = next.need != 0;
        return {next.advance, is_in_exif_ ? next.need : kJpegMarker};
    }
    size_t at = 0;
    while (at < bytes.size()) {
        // Any number of 0xff may precede a marker, and "ff 00" is not a marker. libjpeg also skips
        // other bytes, so images with such bytes exist.
        const size_t marker_at =
            bytes.find_first_not_of('\xff', std::min(bytes.find('\xff', at), bytes.size()));
        if (marker_at == bytes.npos) {
            return {bytes.size() - (bytes.back() == '\xff' ? 1 : 0), kJpegMarker};
        }
        const uint32_t marker = byte_at(bytes, marker_at);
        at = marker_at + 1;
        if (ends_headers(marker) || markers_ == kMaxPartsOfImage) {
            return {};
        }
        if (marker == 0 || stands_alone(marker)) {
            ++markers_;
            continue;
        }
        const size_t segment_at = marker_at - 1;
        const std::string_view segment = bytes.substr(segment_at);
        switch (take(segment, position + segment_at, found)) {
            case Taken::is_wrong: return {};
            case Taken::needs_more: return {segment_at, need_};
            case Taken::passed:
            case Taken::is_exif: break;
        }
        ++markers_;  // not where more is needed: how the file is cut must make no difference
        if (is_in_exif_) {
            return {segment_at + kSegmentHeader, need_};
        }
        at = segment_at + kJpegMarker + big_endian(segment, 2, 2);
    }
    return {at, kJpegMarker};
}

JpegSegments::Taken JpegSegments::take(std::string_view bytes, uint64_t position,
                                       HeaderFacts &found) {
    const auto has = [&](size_t count) {
        need_ = count;
        return bytes.size() >= count;
    };
    if (!has(kSegmentHeader)) {
        return Taken::needs_more;
    }
    const uint32_t marker = byte_at(bytes, 1);
    const size_t length = big_endian(bytes, 2, 2);
    if (length < 2) {
        return Taken::is_wrong;
    }
    const size_t content = length - 2;
    if (starts_frame(marker) && found.facts.width == 0) {
        if (!has(kFrame)) {
            return Taken::needs_more;
        }
        if (!read_frame(bytes, length, found.facts)) {
            return Taken::is_wrong;
        }
        found.header_end = position + kJpegMarker + length;
    } else if (marker == kApp11 && content >= kJumbf && !found.facts.has_credentials) {
        if (!has(kSegmentHeader + kJumbf)) {
            return Taken::needs_more;
        }
        found.facts.has_credentials = begins_manifest_store(bytes.substr(kSegmentHeader, kJumbf));
    } else if (marker == kApp1 && !exif_.has_orientation()) {
        need_ = exif_.begin(content, true);
        is_in_exif_ = need_ != 0;
        return is_in_exif_ ? Taken::is_exif : Taken::passed;
    }
    return Taken::passed;
}

}  // namespace gateway
