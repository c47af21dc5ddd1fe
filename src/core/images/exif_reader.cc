#include "core/images/exif_reader.h"

#include <algorithm>

#include "core/images/byte_order.h"

namespace gateway {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kExifPrefix = "Exif\0\0"sv;
constexpr size_t kTiffHeader = 8;  // TIFF 6.0, section 2: byte order, 42, offset of the first IFD
constexpr size_t kTiffEntry = 12;  // tag, type, count, value
constexpr uint32_t kMaxEntries = 256;
constexpr uint32_t kOrientationTag = 0x112;
constexpr uint32_t kShort = 3;

}  // namespace

size_t ExifReader::begin(uint64_t size, bool needs_prefix) {
    left_ = size;
    step_ = Step::prefix;
    needs_prefix_ = needs_prefix;
    return size < kTiffHeader ? 0 : kTiffHeader;
}

NextRead ExifReader::look(std::string_view bytes, ImageFacts &facts) {
    const NextRead next = read(bytes, facts);
    if (next.need == 0 || next.advance + next.need > left_) {
        return {left_, 0};
    }
    left_ -= next.advance;
    return next;
}

NextRead ExifReader::read(std::string_view bytes, ImageFacts &facts) {
    switch (step_) {
        case Step::prefix: return read_prefix(bytes);
        case Step::header: break;
        case Step::count:
            entries_ = std::min(number(bytes, 0, 2), kMaxEntries);
            step_ = Step::entry;
            return {2, entries_ == 0 ? 0 : kTiffEntry};
        case Step::entry: return read_entry(bytes, facts);
    }
    return read_header({}, bytes, 0);
}

NextRead ExifReader::read_prefix(std::string_view bytes) {
    if (!bytes.starts_with(kExifPrefix)) {
        return needs_prefix_ ? NextRead{} : read_header(bytes.substr(0, 2), bytes.substr(2), 2);
    }
    is_little_endian_ = bytes[kExifPrefix.size()] == 'I';
    step_ = Step::header;
    return {kTiffHeader, kTiffHeader - 2};
}

// `order` is empty if it was read before. `consumed` bytes precede `bytes`.
NextRead ExifReader::read_header(std::string_view order, std::string_view bytes,
                                 uint64_t consumed) {
    if (!order.empty()) {
        is_little_endian_ = order == "II";
        if (!is_little_endian_ && order != "MM") {
            return {};
        }
    }
    constexpr uint32_t kMagic = 42;
    const uint32_t offset = number(bytes, 2, 4);
    if (number(bytes, 0, 2) != kMagic || offset < kTiffHeader) {
        return {};
    }
    step_ = Step::count;
    return {consumed + (kTiffHeader - 2) + (offset - kTiffHeader), 2};
}

NextRead ExifReader::read_entry(std::string_view bytes, ImageFacts &facts) {
    if (number(bytes, 0, 2) == kOrientationTag) {
        const uint32_t value = number(bytes, 8, 2);
        if (number(bytes, 2, 2) == kShort && number(bytes, 4, 4) == 1 && value >= 1 && value <= 8) {
            facts.orientation = static_cast<uint8_t>(value);
            has_orientation_ = true;
        }
        return {};
    }
    --entries_;
    return {kTiffEntry, entries_ == 0 ? 0 : kTiffEntry};
}

uint32_t ExifReader::number(std::string_view bytes, size_t at, size_t count) const {
    return is_little_endian_ ? little_endian(bytes, at, count) : big_endian(bytes, at, count);
}

}  // namespace gateway
