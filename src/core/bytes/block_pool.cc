#include "core/bytes/block_pool.h"

#include <utility>

namespace gateway {

std::shared_ptr<BlockPool> BlockPool::create(size_t most_idle) {
    std::shared_ptr<BlockPool> pool(new BlockPool(most_idle));
    // Giving back must never allocate: it runs inside destructors.
    pool->idle_.reserve(most_idle);
    return pool;
}

Block BlockPool::take() {
    std::unique_ptr<char[]> memory;
    if (idle_.empty()) {
        memory.reset(new char[kBlockSize]);  // not zeroed: it is about to be filled
    } else {
        memory = std::move(idle_.back());
        idle_.pop_back();
    }
    ++lent_;
    auto home = shared_from_this();
    return Block(memory.release(), [home](char *returned) { home->give_back(returned); });
}

void BlockPool::give_back(char *memory) noexcept {
    --lent_;
    std::unique_ptr<char[]> owned(memory);
    if (idle_.size() < most_idle_) {
        idle_.push_back(std::move(owned));
    }
}

}  // namespace gateway
