// Preloaded into nginx by tests: lets one allocation by operator new fail, the n-th from when the
// test says so. Whoever is preloaded counts all of a process, whatever library asks.
//
// FAIL_ALLOCATIONS names a file that the test and all processes have mapped.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

struct Control {
    std::atomic<int64_t> left;  // until the one that fails; 0: none does
    std::atomic<int64_t> failed;
    std::atomic<int64_t> process;  // whose allocations are counted
};

Control *control = nullptr;

__attribute__((constructor)) void map_control() {
    const char *path = std::getenv("FAIL_ALLOCATIONS");
    const int file = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) {
        return;
    }
    void *memory = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    control = memory == MAP_FAILED ? nullptr : static_cast<Control *>(memory);
}

void *allocate(size_t size) {
    if (control != nullptr && control->left.load(std::memory_order_relaxed) > 0 &&
        control->process == getpid() && control->left.fetch_sub(1) == 1) {
        ++control->failed;
        throw std::bad_alloc();
    }
    void *memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

}  // namespace

void *operator new(size_t size) {
    return allocate(size);
}
void *operator new[](size_t size) {
    return allocate(size);
}
void operator delete(void *memory) noexcept {
    std::free(memory);
}
void operator delete[](void *memory) noexcept {
    std::free(memory);
}
void operator delete(void *memory, size_t) noexcept {
    std::free(memory);
}
void operator delete[](void *memory, size_t) noexcept {
    std::free(memory);
}
