#include "upstream/curl_memory.h"

#include <curl/curl.h>
#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "upstream/curl_job.h"

namespace gateway {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kMin = size_t{32} * 1024;  // smaller ones come from malloc
// Curl frees its buffer at the end of each transfer. So many are kept for the next ones, with the
// pages that they have by then, until nobody has needed them for a while.
constexpr size_t kMaxKept = 32;

constexpr size_t in_pages(size_t size) {
    return (size + kPage - 1) / kPage * kPage;
}

constexpr size_t kBuffer = in_pages(static_cast<size_t>(kReceiveBuffer) + 1);

// What is larger than a page's fraction and lives for one transfer (receive buffers, and the data
// of paused transfers) does not come from malloc: there it would lie between small allocations that
// live longer, and its pages would never go back to the system. All sizes up to kBuffer get memory
// of that size, because only the pages that are used count. So a buffer can also grow in place.
//
// Curl's resolver has threads of its own.
class Pages {
 public:
    void *take(size_t size) noexcept {
        const std::scoped_lock lock(mutex_);
        if (size <= kBuffer && kept_count_ > 0) {
            --kept_count_;
            unneeded_ = std::min(unneeded_, kept_count_);
            return kept_[kept_count_];
        }
        const size_t whole = std::max(in_pages(size), kBuffer);
        void *memory =
            mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            return nullptr;
        }
        try {
            sizes_.emplace(memory, whole);
        } catch (...) {
            munmap(memory, whole);
            return nullptr;
        }
        return memory;
    }
    // 0 if it is not from here.
    size_t size_of(void *memory) noexcept {
        const std::scoped_lock lock(mutex_);
        const auto found = sizes_.find(memory);
        return found == sizes_.end() ? 0 : found->second;
    }
    // False if it is not from here.
    bool give_back(void *memory) noexcept {
        const std::scoped_lock lock(mutex_);
        const auto found = sizes_.find(memory);
        if (found == sizes_.end()) {
            return false;
        }
        if (found->second == kBuffer && kept_count_ < kMaxKept) {
            kept_[kept_count_++] = memory;
        } else {
            munmap(memory, found->second);
            sizes_.erase(found);
        }
        return true;
    }

    // Releases what was kept for the whole time since the last call. False if nothing is kept.
    bool trim() noexcept {
        const std::scoped_lock lock(mutex_);
        for (size_t i = 0; i < unneeded_; ++i) {
            munmap(kept_[i], kBuffer);
            sizes_.erase(kept_[i]);
        }
        std::move(kept_.begin() + unneeded_, kept_.begin() + kept_count_, kept_.begin());
        kept_count_ -= unneeded_;
        unneeded_ = kept_count_;
        return kept_count_ > 0;
    }

 private:
    std::mutex mutex_;
    std::unordered_map<void *, size_t> sizes_;
    std::array<void *, kMaxKept> kept_{};  // the last one is taken first
    size_t kept_count_ = 0;
    size_t unneeded_ = 0;  // of them, the first ones: kept the whole time since the last trim
};

// One for the process. It is never destroyed, because curl may free memory at the very end.
Pages &pages() {
    static Pages &all = *new Pages();
    return all;
}

// Memory from malloc rarely begins at a page boundary, memory from mmap always does.
bool begins_a_page(const void *memory) {
    return memory != nullptr && reinterpret_cast<uintptr_t>(memory) % kPage == 0;
}

extern "C" {

void *image_gateway_curl_malloc(size_t size) {
    return size < kMin ? std::malloc(size) : pages().take(size);
}

void image_gateway_curl_free(void *memory) {
    if (!begins_a_page(memory) || !pages().give_back(memory)) {
        std::free(memory);
    }
}

void *image_gateway_curl_realloc(void *memory, size_t size) {
    size_t before = begins_a_page(memory) ? pages().size_of(memory) : 0;
    if (before >= size && size >= kMin) {
        return memory;
    }
    if (before == 0) {
        if (size < kMin) {
            return std::realloc(memory, size);
        }
        before = malloc_usable_size(memory);
    }
    void *other = image_gateway_curl_malloc(size);
    if (other != nullptr && memory != nullptr) {
        std::memcpy(other, memory, std::min(before, size));
        image_gateway_curl_free(memory);
    }
    return other;
}

char *image_gateway_curl_strdup(const char *text) {
    const size_t size = std::strlen(text) + 1;
    void *copy = image_gateway_curl_malloc(size);
    return copy == nullptr ? nullptr : static_cast<char *>(std::memcpy(copy, text, size));
}

void *image_gateway_curl_calloc(size_t count, size_t size) {
    return std::calloc(count, size);
}

}  // extern "C"

}  // namespace

bool trim_curl_memory() noexcept {
    return pages().trim();
}

void init_curl() {
    curl_global_init_mem(CURL_GLOBAL_ALL, image_gateway_curl_malloc, image_gateway_curl_free,
                         image_gateway_curl_realloc, image_gateway_curl_strdup,
                         image_gateway_curl_calloc);
}

}  // namespace gateway
