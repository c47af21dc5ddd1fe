#include "core/images/inspect.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "core/images/base64_stream.h"
#include "core/images/image_end.h"
#include "core/images/image_header.h"
#include "core/images/sniff.h"

namespace gateway {

namespace {

// Reads the first kMaxInspected bytes of an image through a small window.
class Front {
 public:
    explicit Front(const Bytes &base64) : reader_(base64) {}

    // The next bytes, at least `count` unless the front ends before.
    std::string_view look(size_t count) {
        if (end_ - begin_ < count) {
            end_ -= begin_;
            std::memmove(window_.data(), window_.data() + begin_, end_);
            begin_ = 0;
            end_ += read(std::span(window_).subspan(end_));
        }
        return {reinterpret_cast<const char *>(window_.data()) + begin_, end_ - begin_};
    }

    void pass(size_t count) {
        position_ += count;
        const size_t seen = std::min(count, end_ - begin_);
        begin_ += seen;
        count -= seen;
        std::array<uint8_t, 3072> passed;  // not initialised
        while (count != 0) {
            const size_t got = read(std::span(passed).first(std::min(count, passed.size())));
            if (got == 0) {
                return;
            }
            count -= got;
        }
    }

    [[nodiscard]] size_t position() const { return position_; }

    // Whether the front ended at kMaxInspected, and the file continues.
    [[nodiscard]] bool stops_before(size_t bytes) const {
        return left_ == 0 && std::max(position_, kMaxInspected) < bytes;
    }

 private:
    size_t read(std::span<uint8_t> into) {
        const size_t count = reader_.read(into.first(std::min(into.size(), left_)));
        left_ -= count;
        return count;
    }

    Base64Reader reader_;
    size_t left_ = kMaxInspected;
    size_t position_ = 0;
    std::array<uint8_t, 192> window_;  // not initialised; the header of an ordinary JPEG fits
    size_t begin_ = 0;                 // where the unread bytes in the window begin
    size_t end_ = 0;
};

std::optional<ImageSize> jpeg_size(Front &front, size_t bytes) {
    front.pass(2);
    while (front.position() < bytes) {
        const JpegStep step = step_through_jpeg(front.look(kJpegStep));
        switch (step.kind) {
            case JpegStep::Kind::pass: front.pass(step.count); break;
            case JpegStep::Kind::size:
                return step.count <= bytes - front.position() ? std::optional(step.size)
                                                              : std::nullopt;
            case JpegStep::Kind::cut_off:
                return front.stops_before(bytes) ? std::optional(ImageSize{}) : std::nullopt;
            case JpegStep::Kind::wrong: return std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<ImageSize> size_of(ImageFormat format, Front &front, size_t bytes) {
    const std::string_view beginning = front.look(kFrontOfImage);
    switch (format) {
        case ImageFormat::png: return png_size(beginning);
        case ImageFormat::jpeg: return jpeg_size(front, bytes);
        case ImageFormat::webp: return webp_size(beginning);
        case ImageFormat::gif: return gif_size(beginning);
        case ImageFormat::unknown: break;
    }
    return std::nullopt;
}

}  // namespace

std::optional<ImageFacts> inspect(const Bytes &base64) {
    Front front(base64);
    const std::string beginning(front.look(kFrontOfImage));
    const ImageFormat format = sniff(beginning);
    if (format == ImageFormat::unknown) {
        return std::nullopt;  // before measuring the whole text
    }
    const size_t bytes = decoded_size(base64);
    const auto size = size_of(format, front, bytes);
    if (!size) {
        return std::nullopt;
    }
    const bool whole = has_end(format, beginning, decode_tail(base64), bytes);
    return ImageFacts{format, size->width, size->height, bytes, whole};
}

}  // namespace gateway
