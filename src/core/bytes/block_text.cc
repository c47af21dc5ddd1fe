#include "core/bytes/block_text.h"

#include <algorithm>
#include <cstring>

namespace gateway {

std::span<char> BlockText::room() {
    const size_t used = size_ % of_each_;
    if (size_ / of_each_ == blocks_.size()) {
        blocks_.push_back(pool_->take());
    }
    return {blocks_.back().get() + used, of_each_ - used};
}

void BlockText::append(std::string_view piece) {
    while (!piece.empty()) {
        const std::span<char> into = room();
        const size_t count = std::min(piece.size(), into.size());
        std::memcpy(into.data(), piece.data(), count);
        advance(count);
        piece.remove_prefix(count);
    }
}

Bytes BlockText::part(size_t from, size_t to) const {
    Bytes bytes;
    while (from < to) {
        const size_t offset = from % of_each_;
        const size_t count = std::min(to - from, of_each_ - offset);
        const Block &block = blocks_[from / of_each_];
        bytes.append(Slice{block, std::string_view(block.get() + offset, count)});
        from += count;
    }
    return bytes;
}

void BlockText::forget(size_t from, size_t to) {
    const size_t first = (from + of_each_ - 1) / of_each_;
    const size_t end = to / of_each_;
    for (size_t block = std::max(first, forgotten_); block < end; ++block) {
        blocks_[block].reset();
        forgotten_ = block + 1;
    }
}

}  // namespace gateway
