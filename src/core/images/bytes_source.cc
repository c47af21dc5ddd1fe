#include "core/images/bytes_source.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace gateway {

std::optional<size_t> BytesSource::read(uint64_t offset, std::span<uint8_t> into) {
    size_t count = 0;
    for (const Slice &slice : bytes_.slices()) {
        if (offset >= slice.text.size()) {
            offset -= slice.text.size();
            continue;
        }
        const size_t part = std::min<size_t>(slice.text.size() - offset, into.size() - count);
        std::memcpy(into.data() + count, slice.text.data() + offset, part);
        count += part;
        offset = 0;
        if (count == into.size()) {
            break;
        }
    }
    return count;
}

std::optional<size_t> Base64Source::read(uint64_t offset, std::span<uint8_t> into) {
    if (!reader_ || offset < position_) {
        reader_.emplace(text_);
        position_ = 0;
    }
    std::array<uint8_t, 4096> skipped;
    while (position_ < offset) {
        const size_t wanted = std::min<uint64_t>(offset - position_, skipped.size());
        const size_t count = reader_->read({skipped.data(), wanted});
        position_ += count;
        if (count != wanted) {
            return reader_->is_whole() ? std::optional<size_t>(0) : std::nullopt;
        }
    }
    const size_t count = reader_->read(into);
    position_ += count;
    if (count != into.size() && !reader_->is_whole()) {
        return std::nullopt;
    }
    return count;
}

}  // namespace gateway
