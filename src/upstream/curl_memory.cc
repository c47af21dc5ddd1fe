#include "upstream/curl_memory.h"

#include <curl/curl.h>
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
constexpr size_t kMin = size_t{128} * 1024;  // smaller ones come from malloc
// Curl frees its buffer at the end of each transfer. So many are kept for the next ones, with the
// pages that they have by then.
constexpr size_t kMaxKept = 32;

constexpr size_t in_pages(size_t size) {
    return (size + kPage - 1) / kPage * kPage;
}

constexpr size_t kBuffer = in_pages(static_cast<size_t>(kReceiveBuffer) + 1);

// Curl's resolver has threads of its own.
class Pages {
 public:
    void *take(size_t size) noexcept {
        const std::scoped_lock lock(mutex_);
        if (in_pages(size) == kBuffer && kept_count_ > 0) {
            return kept_[--kept_count_];
        }
        void *memory = mmap(nullptr, in_pages(size), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            return nullptr;
        }
        try {
            sizes_.emplace(memory, in_pages(size));
        } catch (...) {
            munmap(memory, in_pages(size));
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

 private:
    std::mutex mutex_;
    std::unordered_map<void *, size_t> sizes_;
    std::array<void *, kMaxKept> kept_{};
    size_t kept_count_ = 0;
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
    const size_t before = begins_a_page(memory) ? pages().size_of(memory) : 0;
    if (before == 0) {
        return std::realloc(memory,
                            size);  // a buffer of malloc that grows stays one
    }
    void *other = image_gateway_curl_malloc(size);
    if (other != nullptr) {
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

void init_curl() {
    curl_global_init_mem(CURL_GLOBAL_ALL, image_gateway_curl_malloc, image_gateway_curl_free,
                         image_gateway_curl_realloc, image_gateway_curl_strdup,
                         image_gateway_curl_calloc);
}

}  // namespace gateway
