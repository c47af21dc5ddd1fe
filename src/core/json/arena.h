// Memory for one run of yajl. yajl makes a dozen small allocations per document and frees them at
// its end; the arena makes these allocations cheap.
#pragma once

#include <yajl/yajl_common.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace gateway {

class YajlArena {
 public:
    YajlArena() = default;
    ~YajlArena() {
        while (chunks_ != nullptr) {
            std::free(std::exchange(chunks_, chunks_->next));
        }
    }
    YajlArena(const YajlArena &) = delete;
    YajlArena &operator=(const YajlArena &) = delete;

    yajl_alloc_funcs functions() { return {allocate, reallocate, release, this}; }

 private:
    static constexpr size_t kAlign = alignof(std::max_align_t);

    struct alignas(kAlign) Chunk {
        Chunk *next;
    };

    // Stores the size before the memory, because yajl does not pass the old size to reallocate().
    // yajl does not check for null, so a failed allocation throws through it. That leaks nothing,
    // because all memory of yajl comes from the arena.
    static void *allocate(void *self, size_t size) {
        auto &arena = *static_cast<YajlArena *>(self);
        const size_t whole = (size + 2 * kAlign - 1) / kAlign * kAlign;
        char *memory = arena.own_ + arena.used_;
        if (whole <= sizeof(arena.own_) - arena.used_) {
            arena.used_ += whole;
        } else {
            memory = arena.new_chunk(whole);
        }
        std::memcpy(memory, &size, sizeof(size));
        return memory + kAlign;
    }

    static void *reallocate(void *self, void *old, size_t size) {
        void *memory = allocate(self, size);
        if (old != nullptr) {
            size_t old_size = 0;
            std::memcpy(&old_size, static_cast<char *>(old) - kAlign, sizeof(old_size));
            std::memcpy(memory, old, std::min(size, old_size));
        }
        return memory;
    }

    static void release(void * /*self*/, void * /*memory*/) noexcept {}

    char *new_chunk(size_t size) {
        void *memory = std::malloc(sizeof(Chunk) + size);
        if (memory == nullptr) {
            throw std::bad_alloc();
        }
        chunks_ = new (memory) Chunk{chunks_};
        return static_cast<char *>(memory) + sizeof(Chunk);
    }

    alignas(kAlign) char own_[4096];
    size_t used_ = 0;
    Chunk *chunks_ = nullptr;
};

}  // namespace gateway
