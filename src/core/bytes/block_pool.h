// The blocks that provider responses are received into. Each worker has one pool. The pool reuses
// blocks, because new pages cost more than the copy into them. It returns unused pages to the
// system after a while, a few at a time: to release those of a large response at once takes 20 ms.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace gateway {

inline constexpr size_t kBlockSize = 64 * 1024;

class AnswerMemory;

// Owns the memory of a block, and keeps the account alive that it counts for.
using Block = std::shared_ptr<char[]>;

class BlockPool : public std::enable_shared_from_this<BlockPool> {
 public:
    static std::shared_ptr<BlockPool> create(size_t max_idle);
    ~BlockPool();
    BlockPool(const BlockPool &) = delete;
    BlockPool &operator=(const BlockPool &) = delete;

    // Returns a block of kBlockSize bytes. It goes back to the pool when its last owner releases
    // it, which must happen on the pool's own thread. The block counts for `answer`, if given.
    Block take(std::shared_ptr<AnswerMemory> answer = nullptr);

    // Returns the pages of at most `max` blocks to the system. Only blocks that were idle since
    // the last call of trim() are affected.
    void trim(size_t max);
    // Returns the pages of at most `max` blocks to the system that are surplus: unused, and more
    // than the pool keeps. `on_surplus` is called when there is one. It must not throw.
    void release_surplus(size_t max) noexcept;
    [[nodiscard]] bool has_surplus() const { return !surplus_.empty(); }
    std::function<void()> on_surplus;

    // The number of unused blocks that keep their pages.
    [[nodiscard]] size_t idle() const { return idle_.size(); }
    // The number of blocks in use.
    [[nodiscard]] size_t lent() const { return lent_; }

 private:
    explicit BlockPool(size_t max_idle) : max_idle_(max_idle) {}
    char *find_block();
    void map_region();
    void give_back(char *memory) noexcept;
    void release_pages(char *memory) noexcept;

    std::vector<char *> regions_;
    std::vector<char *> idle_;
    std::vector<char *> surplus_;  // lose their pages soon
    std::vector<char *> bare_;     // without pages
    size_t max_idle_;
    size_t unneeded_ = 0;  // blocks that were idle the whole time since the last trim
    size_t lent_ = 0;
};

// The pool that a response takes its memory from, and the response that the memory counts for.
class Blocks {
 public:
    // NOLINTNEXTLINE(google-explicit-constructor): a pool alone suffices if nothing is counted
    Blocks(std::shared_ptr<BlockPool> pool, std::shared_ptr<AnswerMemory> answer = nullptr);
    ~Blocks();
    Blocks(const Blocks &);
    Blocks(Blocks &&) noexcept;
    Blocks &operator=(const Blocks &);
    Blocks &operator=(Blocks &&) noexcept;

    [[nodiscard]] Block take() const { return pool_->take(answer_); }
    // Memory of `size` bytes that is not a block, for short texts.
    [[nodiscard]] Block take_small(size_t size) const;

 private:
    std::shared_ptr<BlockPool> pool_;
    std::shared_ptr<AnswerMemory> answer_;
};

}  // namespace gateway
