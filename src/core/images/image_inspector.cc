#include "core/images/image_inspector.h"

#include <algorithm>
#include <cstring>

namespace gateway {

void ImageInspector::feed(std::string_view piece) {
    walk_.read(piece);
    size_ += piece.size();
    const size_t count = std::min(piece.size(), tail_.size());
    std::memmove(tail_.data(), tail_.data() + count, tail_.size() - count);
    piece.copy(tail_.data() + tail_.size() - count, count, piece.size() - count);
}

std::optional<ImageFacts> ImageInspector::finish() {
    const auto count = static_cast<size_t>(std::min<uint64_t>(size_, tail_.size()));
    return walk_.finish(size_, {tail_.data() + tail_.size() - count, count});
}

}  // namespace gateway
