// The blocks that provider answers are received into. One pool for each worker: fresh pages cost
// more than the copy into them, so blocks are used again.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace gateway {

inline constexpr size_t kBlockSize = 64 * 1024;

using Block = std::shared_ptr<char[]>;

class BlockPool : public std::enable_shared_from_this<BlockPool> {
 public:
    static std::shared_ptr<BlockPool> create(size_t most_idle);

    // A block of kBlockSize bytes, back in the pool when its last owner lets go. Only on the pool's
    // own thread.
    Block take();

    [[nodiscard]] size_t idle() const { return idle_.size(); }
    // Blocks that somebody holds.
    [[nodiscard]] size_t lent() const { return lent_; }

 private:
    explicit BlockPool(size_t most_idle) : most_idle_(most_idle) {}
    void give_back(char *memory) noexcept;

    std::vector<std::unique_ptr<char[]>> idle_;
    size_t most_idle_;
    size_t lent_ = 0;
};

}  // namespace gateway
