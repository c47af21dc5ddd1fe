#include "core/inputs/content_ports.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace gateway {

std::optional<size_t> ContentSource::read(uint64_t offset, std::span<uint8_t> into) {
    const size_t left = content_.size() - std::min<uint64_t>(offset, content_.size());
    into = into.first(std::min(into.size(), left));
    const std::span<char> characters(reinterpret_cast<char *>(into.data()), into.size());
    const size_t count = content_.read(static_cast<size_t>(offset), characters);
    return count == into.size() ? std::optional(count) : std::nullopt;
}

bool SpoolSink::write(std::span<const uint8_t> bytes) {
    const std::string_view text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    size_ += text.size();
    if (file_ == nullptr) {
        memory_ += text;
        if (memory_.size() <= kMaxInMemory) {
            return true;
        }
        file_ = files_ == nullptr ? nullptr : files_->create();
        return file_ != nullptr && file_->append(std::exchange(memory_, {}));
    }
    return file_->append(text);
}

Content SpoolSink::content() && {
    return file_ == nullptr ? Content::in_memory(std::move(memory_))
                            : Content::in_file(std::move(file_), 0, size_);
}

}  // namespace gateway
