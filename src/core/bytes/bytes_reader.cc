#include "core/bytes/bytes_reader.h"

#include <algorithm>

namespace gateway {

size_t BytesReader::read(std::span<char> into) noexcept {
    size_t count = 0;
    while (count < into.size() && slice_ < bytes_.slices().size()) {
        const std::string_view rest = bytes_.slices()[slice_].text.substr(offset_);
        const size_t copied = rest.copy(into.data() + count, into.size() - count);
        count += copied;
        offset_ += copied;
        if (copied == rest.size()) {
            ++slice_;
            offset_ = 0;
        }
    }
    return count;
}

bool BytesReader::seek(size_t offset) noexcept {
    if (offset > bytes_.size()) {
        return false;
    }
    slice_ = 0;
    for (; slice_ < bytes_.slices().size(); ++slice_) {
        const size_t size = bytes_.slices()[slice_].text.size();
        if (offset < size) {
            break;
        }
        offset -= size;
    }
    offset_ = offset;
    return true;
}

}  // namespace gateway
