#include "core/images/image_end.h"

#include <cstdint>

namespace gateway {

namespace {

using namespace std::string_view_literals;

// PNG specification, section 11.2.5: the chunk has no data, so its checksum is always the same.
constexpr std::string_view kEndOfPng = "\0\0\0\0IEND\xae\x42\x60\x82"sv;

// ITU-T T.81: in coded data, 0 or a restart marker follows 0xff, so it cannot contain an EOI.
constexpr std::string_view kEndOfJpeg = "\xff\xd9"sv;
constexpr size_t kMaxBehindEnd = 64;  // some encoders append a line end or zeros

constexpr char kEndOfGif = 0x3b;

constexpr size_t kMinWebp = 20;  // two headers

// RFC 9649, section 2.4: the length after "RIFF" counts all bytes that follow it.
size_t length_of_webp(std::string_view front) {
    size_t length = 0;
    for (size_t i = 4; i-- > 0;) {
        length = length << 8 | static_cast<uint8_t>(front[4 + i]);
    }
    return length + 8;
}

std::string_view without_zeros(std::string_view tail) {
    const size_t last = tail.find_last_not_of('\0');
    return tail.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

}  // namespace

bool has_end(ImageFormat format, std::string_view front, std::string_view tail, size_t bytes) {
    switch (format) {
        case ImageFormat::png: {
            const size_t end = tail.rfind(kEndOfPng);
            return end != std::string_view::npos &&
                   tail.size() - end <= kEndOfPng.size() + kMaxBehindEnd;
        }
        case ImageFormat::jpeg: {
            const size_t end = tail.rfind(kEndOfJpeg);
            return end != std::string_view::npos && tail.size() - end <= kMaxBehindEnd;
        }
        case ImageFormat::gif: return without_zeros(tail).ends_with(kEndOfGif);
        case ImageFormat::webp:
            return front.size() >= 8 && length_of_webp(front) >= kMinWebp &&
                   bytes >= length_of_webp(front);
        case ImageFormat::avif:
        case ImageFormat::heic:
        case ImageFormat::unknown: break;
    }
    return false;
}

}  // namespace gateway
