// A text that grows in blocks of the pool. Parts of it can be referred to without a copy, and parts
// that are no longer needed can be released before the rest arrives. A short text needs no block.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes/block_pool.h"
#include "core/bytes/bytes.h"

namespace gateway {

class BlockText {
 public:
    // `of_each` is the number of characters that each block holds.
    explicit BlockText(Blocks blocks, size_t of_each = kBlockSize)
        : pool_(std::move(blocks)), of_each_(of_each) {}

    [[nodiscard]] size_t size() const { return size_; }
    void append(std::string_view piece);
    // To write in place: room() returns the memory for the next characters, advance() says how many
    // were written.
    std::span<char> room();
    void advance(size_t count) { size_ += count; }
    // The number of further blocks that appending `more` characters needs.
    [[nodiscard]] size_t blocks_for(size_t more) const {
        return (size_ + more + of_each_ - 1) / of_each_ - blocks_.size();
    }

    // The characters [from, to). None of them may have been released by forget().
    [[nodiscard]] Bytes part(size_t from, size_t to) const;
    // Releases the blocks that lie entirely in [from, to).
    void forget(size_t from, size_t to);

 private:
    void append_small(std::string_view piece);
    void move_to_block();

    Blocks pool_;
    size_t of_each_;
    Block small_;  // the whole text, while it is short
    size_t small_size_ = 0;
    std::vector<Block> blocks_;
    size_t size_ = 0;
    size_t forgotten_ = 0;  // forget() has handled all blocks before this one
};

}  // namespace gateway
