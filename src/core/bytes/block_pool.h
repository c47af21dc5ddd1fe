// The blocks that provider answers are received into. One pool for each worker: fresh pages cost
// more than the copy into them, so blocks are used again; but not kept for ever.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace gateway {

inline constexpr size_t kBlockSize = 64 * 1024;

class AnswerMemory;

// Memory and whoever is counted for it.
using Block = std::shared_ptr<char[]>;

class BlockPool : public std::enable_shared_from_this<BlockPool> {
 public:
    static std::shared_ptr<BlockPool> create(size_t most_idle);
    ~BlockPool();
    BlockPool(const BlockPool &) = delete;
    BlockPool &operator=(const BlockPool &) = delete;

    // A block of kBlockSize bytes, back in the pool when its last owner lets go. Only on the pool's
    // own thread. It counts for this answer, if there is one.
    Block take(std::shared_ptr<AnswerMemory> answer = nullptr);

    // Returns pages to the system: of blocks that nobody has needed since the call before, so many
    // at most.
    void trim(size_t most);

    // Blocks whose pages are kept for the next answers.
    [[nodiscard]] size_t idle() const { return idle_.size(); }
    // Blocks that somebody holds.
    [[nodiscard]] size_t lent() const { return lent_; }

 private:
    explicit BlockPool(size_t most_idle) : most_idle_(most_idle) {}
    char *find_block();
    void map_region();
    void give_back(char *memory) noexcept;
    void release_pages(char *memory) noexcept;

    std::vector<char *> regions_;
    std::vector<char *> idle_;
    std::vector<char *> bare_;  // without pages
    size_t most_idle_;
    size_t unneeded_ = 0;  // blocks that have been idle all the time since the last trim
    size_t lent_ = 0;
};

// Where an answer's memory comes from, and which answer it counts for.
class Blocks {
 public:
    // NOLINTNEXTLINE(google-explicit-constructor): a pool is enough where nothing is counted
    Blocks(std::shared_ptr<BlockPool> pool, std::shared_ptr<AnswerMemory> answer = nullptr);
    ~Blocks();
    Blocks(const Blocks &);
    Blocks(Blocks &&) noexcept;
    Blocks &operator=(const Blocks &);
    Blocks &operator=(Blocks &&) noexcept;

    [[nodiscard]] Block take() const { return pool_->take(answer_); }
    // So many bytes, for short texts: no block of their own.
    [[nodiscard]] Block take_small(size_t size) const;

 private:
    std::shared_ptr<BlockPool> pool_;
    std::shared_ptr<AnswerMemory> answer_;
};

}  // namespace gateway
