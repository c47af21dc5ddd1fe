#include "core/s3/decoded_image.h"

#include <algorithm>
#include <array>

#include "core/bytes/sha256.h"

namespace gateway {

namespace {

constexpr size_t kStep = size_t{12} * 1024;

}  // namespace

size_t DecodedImage::read(uint64_t offset, std::span<char> into) const noexcept {
    const std::lock_guard lock(mutex_);
    if (!reader_ || offset < position_) {
        reader_.emplace(base64_);
        position_ = 0;
    }
    std::array<char, kStep> skipped;
    while (position_ < offset) {
        const uint64_t left = offset - position_;
        const size_t count = left < kStep ? static_cast<size_t>(left) : kStep;
        if (read_on(std::span(skipped).first(count)) < count) {
            return 0;
        }
    }
    return read_on(into);
}

size_t DecodedImage::read_on(std::span<char> into) const noexcept {
    const size_t count = reader_->read({reinterpret_cast<uint8_t *>(into.data()), into.size()});
    position_ += count;
    return count;
}

DecodedImage::Digest DecodedImage::digest() const {
    Digest digest;
    Base64Reader reader(base64_);
    Sha256Stream hash;
    std::array<uint8_t, kStep> piece;
    for (size_t count = kStep; count == kStep;) {
        count = reader.read(piece);
        hash.add({reinterpret_cast<const char *>(piece.data()), count});
        digest.size += count;
    }
    digest.whole = reader.is_whole();
    digest.sha256 = to_hex(hash.finish());
    return digest;
}

}  // namespace gateway
