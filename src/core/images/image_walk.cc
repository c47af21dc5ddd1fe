#include "core/images/image_walk.h"

#include <algorithm>
#include <cstring>

#include "core/images/image_end.h"
#include "core/images/sniff.h"

namespace gateway {

namespace {

// A JPEG's size comes later, and that of AVIF and HEIC as well.
std::optional<ImageSize> size_in_front(ImageFormat format, std::string_view front) {
    switch (format) {
        case ImageFormat::png: return png_size(front);
        case ImageFormat::webp: return webp_size(front);
        case ImageFormat::gif: return gif_size(front);
        case ImageFormat::jpeg:
        case ImageFormat::avif:
        case ImageFormat::heic: return ImageSize{};
        case ImageFormat::unknown: break;
    }
    return std::nullopt;
}

}  // namespace

void ImageWalk::skip(uint64_t count) {
    position_ += count;
    skip_ -= is_done_ ? 0 : count;
}

void ImageWalk::read(std::string_view bytes) {
    while (!is_done_ && (!bytes.empty() || held_ >= need_)) {
        if (skip_ != 0) {
            const auto count = static_cast<size_t>(std::min<uint64_t>(skip_, bytes.size()));
            skip(count);
            bytes.remove_prefix(count);
        } else if (held_ == 0 && bytes.size() >= need_) {
            take(look(bytes));
        } else {
            const size_t before = held_;
            const size_t taken =
                held_ < need_ ? bytes.copy(window_.data() + held_, need_ - held_) : 0;
            held_ += taken;
            if (held_ < need_) {
                return;
            }
            const NextRead next = look({window_.data(), held_});
            if (next.advance >= before) {  // the rest can be read where it is
                position_ += before;
                held_ = 0;
                take({next.advance - before, next.need});
            } else {
                bytes.remove_prefix(taken);
                held_ -= static_cast<size_t>(next.advance);
                std::memmove(window_.data(), window_.data() + next.advance, held_);
                position_ += next.advance;
                take({0, next.need});
            }
        }
    }
}

void ImageWalk::take(NextRead next) {
    if (next.need == 0 || parts_ > kMaxParts) {
        is_done_ = true;
        return;
    }
    skip_ = next.advance;
    need_ = next.need;
}

NextRead ImageWalk::look(std::string_view bytes) {
    if (!has_begun_) {
        return begin(bytes.substr(0, kFrontOfImage));
    }
    const NextRead next = std::visit(
        [&](auto &reader) -> NextRead {
            if constexpr (std::is_same_v<decltype(reader), std::monostate &>) {
                return {};
            } else {
                return reader.look(bytes, position_, found_);
            }
        },
        reader_);
    // Counts what does not depend on how the file is cut into pieces. JpegSegments counts by
    // itself.
    parts_ += next.advance != 0 && format() != ImageFormat::jpeg ? 1 : 0;
    return next;
}

NextRead ImageWalk::begin(std::string_view front) {
    has_begun_ = true;
    front.copy(first_.data(), first_.size());
    ImageFacts &facts = found_.facts;
    facts.format = sniff(front);
    const auto size = size_in_front(facts.format, front);
    if (!size) {
        return {};
    }
    facts.width = size->width;
    facts.height = size->height;
    switch (facts.format) {
        case ImageFormat::png: return reader_.emplace<PngChunks>().begin(front, found_);
        case ImageFormat::jpeg: return reader_.emplace<JpegSegments>().begin(found_);
        case ImageFormat::webp: return reader_.emplace<WebpChunks>().begin(front, found_);
        case ImageFormat::gif: return reader_.emplace<GifBlocks>().begin(front);
        case ImageFormat::avif:
        case ImageFormat::heic: return reader_.emplace<HeifBoxes>().begin(front, found_);
        case ImageFormat::unknown: break;
    }
    return {};
}

std::optional<ImageFacts> ImageWalk::finish(uint64_t bytes, std::string_view tail,
                                            std::optional<uint64_t> given_up_at) {
    if (!has_begun_ && held_ != 0) {  // the file is smaller than what is read at first
        need_ = held_;
        read({});
    }
    ImageFacts facts = found_.facts;
    const bool may_be_behind = given_up_at && facts.format == ImageFormat::jpeg && !is_done_ &&
                               std::max(position_ + skip_, *given_up_at) < bytes;
    if ((facts.width == 0 && !may_be_behind) || bytes < found_.header_end) {
        return std::nullopt;
    }
    facts.bytes = bytes;
    facts.whole = is_whole(bytes, tail);
    return facts;
}

// The boxes of an AVIF or HEIC must all be there.
bool ImageWalk::is_whole(uint64_t bytes, std::string_view tail) const {
    if (format() != ImageFormat::avif && format() != ImageFormat::heic) {
        return has_end(format(), {first_.data(), first_.size()}, tail, bytes);
    }
    return found_.has_media && !is_done_ && (found_.is_open_ended || position_ + skip_ <= bytes);
}

}  // namespace gateway
