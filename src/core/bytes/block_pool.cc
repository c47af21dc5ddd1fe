#include "core/bytes/block_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <utility>

#include "core/bytes/held_memory.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace gateway {

namespace {

constexpr size_t kBlocksOfRegion = 64;
constexpr size_t kRegionSize = kBlocksOfRegion * kBlockSize;

// Counts what it allocates for a response. The bytes and the owner count are one allocation.
template <typename T>
struct CountingAllocator {
    using value_type = T;

    explicit CountingAllocator(std::shared_ptr<AnswerMemory> counted)
        : answer(std::move(counted)) {}
    template <typename U>
    // NOLINTNEXTLINE(google-explicit-constructor): the standard library requires it
    CountingAllocator(const CountingAllocator<U> &other) : answer(other.answer) {}

    T *allocate(size_t count) {
        T *memory = std::allocator<T>().allocate(count);
        answer->take(count * sizeof(T));
        return memory;
    }
    void deallocate(T *memory, size_t count) noexcept {
        std::allocator<T>().deallocate(memory, count);
        answer->give_back(count * sizeof(T));
    }
    template <typename U>
    bool operator==(const CountingAllocator<U> &other) const {
        return answer == other.answer;
    }

    std::shared_ptr<AnswerMemory> answer;
};

}  // namespace

std::shared_ptr<BlockPool> BlockPool::create(size_t max_idle) {
    std::shared_ptr<BlockPool> pool(new BlockPool(max_idle));
    // give_back() must not allocate, because destructors call it.
    pool->idle_.reserve(max_idle);
    return pool;
}

BlockPool::~BlockPool() {
    for (char *region : regions_) {
        ASAN_UNPOISON_MEMORY_REGION(region, kRegionSize);
        munmap(region, kRegionSize);
    }
}

Block BlockPool::take(std::shared_ptr<AnswerMemory> answer) {
    char *memory = find_block();
    ++lent_;
    if (answer != nullptr) {
        answer->take(kBlockSize);
    }
    ASAN_UNPOISON_MEMORY_REGION(memory, kBlockSize);
    return Block(memory, [home = shared_from_this(), counted = std::move(answer)](char *returned) {
        if (counted != nullptr) {
            counted->give_back(kBlockSize);
        }
        home->give_back(returned);
    });
}

char *BlockPool::find_block() {
    if (idle_.empty() && surplus_.empty() && bare_.empty()) {
        map_region();
    }
    std::vector<char *> &from = !idle_.empty() ? idle_ : !surplus_.empty() ? surplus_ : bare_;
    char *memory = from.back();
    from.pop_back();
    unneeded_ = std::min(unneeded_, idle_.size());
    return memory;
}

// Does not use malloc: blocks between other allocations would never be returned to the system.
// Addresses stay mapped; only their pages are released. Huge pages are disabled, because one page
// of 2 MB would stay in use for a single block.
void BlockPool::map_region() {
    regions_.reserve(regions_.size() + 1);
    surplus_.reserve((regions_.size() + 1) * kBlocksOfRegion);
    bare_.reserve((regions_.size() + 1) * kBlocksOfRegion);
    void *mapped =
        mmap(nullptr, kRegionSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
        throw std::bad_alloc();
    }
    (void)madvise(mapped, kRegionSize, MADV_NOHUGEPAGE);
    ASAN_POISON_MEMORY_REGION(mapped, kRegionSize);
    auto *region = static_cast<char *>(mapped);
    regions_.push_back(region);
    for (size_t block = kBlocksOfRegion; block-- > 0;) {
        bare_.push_back(region + block * kBlockSize);
    }
}

void BlockPool::give_back(char *memory) noexcept {
    --lent_;
    ASAN_POISON_MEMORY_REGION(memory, kBlockSize);
    if (idle_.size() < max_idle_) {
        idle_.push_back(memory);
        return;
    }
    surplus_.push_back(memory);
    if (surplus_.size() == 1 && on_surplus) {
        on_surplus();
    }
}

void BlockPool::release_surplus(size_t max) noexcept {
    for (size_t left = std::min(max, surplus_.size()); left > 0; --left) {
        release_pages(surplus_.back());
        surplus_.pop_back();
    }
}

void BlockPool::release_pages(char *memory) noexcept {
    (void)madvise(memory, kBlockSize, MADV_DONTNEED);
    bare_.push_back(memory);
}

void BlockPool::trim(size_t max) {
    for (size_t left = std::min(max, unneeded_); left > 0; --left) {
        release_pages(idle_.back());
        idle_.pop_back();
    }
    unneeded_ = idle_.size();
}

Blocks::Blocks(std::shared_ptr<BlockPool> pool, std::shared_ptr<AnswerMemory> answer)
    : pool_(std::move(pool)), answer_(std::move(answer)) {}
Blocks::~Blocks() = default;
Blocks::Blocks(const Blocks &) = default;
Blocks::Blocks(Blocks &&) noexcept = default;
Blocks &Blocks::operator=(const Blocks &) = default;
Blocks &Blocks::operator=(Blocks &&) noexcept = default;

Block Blocks::take_small(size_t size) const {
    return answer_ == nullptr
               ? std::make_shared<char[]>(size)
               : std::allocate_shared<char[]>(CountingAllocator<char>(answer_), size);
}

}  // namespace gateway
