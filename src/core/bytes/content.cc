#include "core/bytes/content.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace gateway {

Content Content::in_memory(std::string bytes) {
    Content content;
    content.size_ = bytes.size();
    content.memory_ = std::make_shared<const std::string>(std::move(bytes));
    return content;
}

Content Content::of_size(size_t size) {
    Content content;
    content.size_ = size;
    return content;
}

Content Content::in_file(std::shared_ptr<const ByteFile> file, uint64_t offset, size_t size) {
    Content content;
    content.file_ = std::move(file);
    content.offset_ = offset;
    content.size_ = size;
    return content;
}

size_t Content::read(size_t offset, std::span<char> into) const noexcept {
    if (offset >= size_) {
        return 0;
    }
    into = into.first(std::min(into.size(), size_ - offset));
    if (file_ != nullptr) {
        return file_->read(offset_ + offset, into);
    }
    return std::string_view(*memory_).substr(offset_ + offset).copy(into.data(), into.size());
}

bool Content::copy_to(std::string &text) const {
    text.resize(size_);
    return read(0, text) == size_;
}

}  // namespace gateway
