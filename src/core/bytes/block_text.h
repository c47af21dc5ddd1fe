// A text that grows in blocks of the pool, and is referred to by its parts. What nobody needs any
// longer may be forgotten before the rest has come. A short one takes no block.
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
    // So many characters of each block are used.
    explicit BlockText(Blocks blocks, size_t of_each = kBlockSize)
        : pool_(std::move(blocks)), of_each_(of_each) {}

    [[nodiscard]] size_t size() const { return size_; }
    void append(std::string_view piece);
    // Or written in place: where the next characters go, and how many of them went there.
    std::span<char> room();
    void advance(size_t count) { size_ += count; }
    // How many blocks more it takes to append so many characters.
    [[nodiscard]] size_t blocks_for(size_t more) const {
        return (size_ + more + of_each_ - 1) / of_each_ - blocks_.size();
    }

    // The characters [from, to), of which none was forgotten.
    [[nodiscard]] Bytes part(size_t from, size_t to) const;
    // Lets go of the blocks of which all lies in [from, to).
    void forget(size_t from, size_t to);

 private:
    void append_small(std::string_view piece);
    void move_to_block();

    Blocks pool_;
    size_t of_each_;
    Block small_;  // all of it, while it is short
    size_t small_size_ = 0;
    std::vector<Block> blocks_;
    size_t size_ = 0;
    size_t forgotten_ = 0;  // no block before this one is left to be forgotten
};

}  // namespace gateway
