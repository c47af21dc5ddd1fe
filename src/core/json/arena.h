// Memory for one run of yajl, which makes a dozen small allocations for each document and frees
// them at its end: from here they cost nothing.
#pragma once

#include <yajl/yajl_common.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace gateway {

class YajlArena {
 public:
    YajlArena() = default;
    ~YajlArena() {
        for (void *chunk : chunks_) {
            std::free(chunk);
        }
    }
    YajlArena(const YajlArena &) = delete;
    YajlArena &operator=(const YajlArena &) = delete;

    yajl_alloc_funcs functions() { return {allocate, reallocate, release, this}; }

 private:
    static constexpr size_t kAlign = alignof(std::max_align_t);

    // The size stands before the memory, because yajl does not say it when it wants more.
    static void *allocate(void *self, size_t size) noexcept {
        auto &arena = *static_cast<YajlArena *>(self);
        const size_t whole = (size + 2 * kAlign - 1) / kAlign * kAlign;
        char *memory = arena.own_ + arena.used_;
        if (whole <= sizeof(arena.own_) - arena.used_) {
            arena.used_ += whole;
        } else {
            memory = static_cast<char *>(std::malloc(whole));
            if (memory == nullptr || !arena.keep(memory)) {
                return nullptr;
            }
        }
        std::memcpy(memory, &size, sizeof(size));
        return memory + kAlign;
    }

    static void *reallocate(void *self, void *old, size_t size) noexcept {
        void *memory = allocate(self, size);
        if (memory != nullptr && old != nullptr) {
            size_t old_size = 0;
            std::memcpy(&old_size, static_cast<char *>(old) - kAlign, sizeof(old_size));
            std::memcpy(memory, old, std::min(size, old_size));
        }
        return memory;
    }

    static void release(void * /*self*/, void * /*memory*/) noexcept {}

    bool keep(void *chunk) noexcept {
        try {
            chunks_.push_back(chunk);
            return true;
        } catch (...) {
            std::free(chunk);
            return false;
        }
    }

    alignas(kAlign) char own_[4096];
    size_t used_ = 0;
    std::vector<void *> chunks_;
};

}  // namespace gateway
