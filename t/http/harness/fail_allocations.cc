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

#include "operator_new.h"

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

}  // namespace

bool gateway::allocation_fails() noexcept {
    if (control == nullptr || control->left.load(std::memory_order_relaxed) <= 0 ||
        control->process != getpid() || control->left.fetch_sub(1) != 1) {
        return false;
    }
    ++control->failed;
    return true;
}
