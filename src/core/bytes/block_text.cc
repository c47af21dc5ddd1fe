#include "core/bytes/block_text.h"

#include <algorithm>
#include <cstring>

namespace gateway {

namespace {

constexpr size_t kMaxSmall = 4096;
constexpr size_t kMinSmall = 64;

}  // namespace

std::span<char> BlockText::room() {
    if (small_ != nullptr) {
        move_to_block();
    }
    const size_t used = size_ % of_each_;
    if (size_ / of_each_ == blocks_.size()) {
        blocks_.push_back(pool_.take());
    }
    return {blocks_.back().get() + used, of_each_ - used};
}

void BlockText::append(std::string_view piece) {
    if (blocks_.empty() && size_ + piece.size() <= kMaxSmall) {
        append_small(piece);
        return;
    }
    while (!piece.empty()) {
        const std::span<char> into = room();
        const size_t count = std::min(piece.size(), into.size());
        std::memcpy(into.data(), piece.data(), count);
        advance(count);
        piece.remove_prefix(count);
    }
}

// When the text moves to larger memory, its parts keep the old memory alive.
void BlockText::append_small(std::string_view piece) {
    if (piece.empty()) {
        return;
    }
    if (size_ + piece.size() > small_size_) {
        const size_t size =
            std::min(kMaxSmall, std::max({kMinSmall, small_size_ * 2, size_ + piece.size()}));
        Block larger = pool_.take_small(size);
        std::copy_n(small_.get(), size_, larger.get());
        small_ = std::move(larger);
        small_size_ = size;
    }
    std::memcpy(small_.get() + size_, piece.data(), piece.size());
    size_ += piece.size();
}

void BlockText::move_to_block() {
    blocks_.push_back(pool_.take());
    std::memcpy(blocks_.back().get(), small_.get(), size_);
    small_.reset();
}

Bytes BlockText::part(size_t from, size_t to) const {
    Bytes bytes;
    if (small_ != nullptr) {
        bytes.append(Slice{small_, std::string_view(small_.get() + from, to - from)});
        return bytes;
    }
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
    const size_t end = std::min(to / of_each_, blocks_.size());
    for (size_t block = std::max(first, forgotten_); block < end; ++block) {
        blocks_[block].reset();
        forgotten_ = block + 1;
    }
}

}  // namespace gateway
