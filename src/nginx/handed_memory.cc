#include "nginx/handed_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>

namespace gateway {

namespace {

constexpr const char *kPrefix = "image-gateway:";

template <typename IsWanted>
std::vector<int> memory_if(IsWanted is_wanted) {
    std::vector<int> found;
    std::error_code problem;
    for (const auto &entry : std::filesystem::directory_iterator("/proc/self/fd", problem)) {
        const std::string number = entry.path().filename();
        int descriptor = -1;
        std::from_chars(number.data(), number.data() + number.size(), descriptor);
        const auto target = std::filesystem::read_symlink(entry.path(), problem);
        if (!problem && is_wanted(target.string())) {
            found.push_back(descriptor);
        }
    }
    return found;
}

}  // namespace

std::vector<int> inherited_memory(const std::string &name) {
    // The name as the kernel shows it.
    const std::string wanted = "/memfd:" + (kPrefix + name) + " (deleted)";
    return memory_if([&](const std::string &target) { return target == wanted; });
}

std::vector<int> inherited_memory() {
    const std::string wanted = std::string("/memfd:") + kPrefix;
    return memory_if([&](const std::string &target) { return target.starts_with(wanted); });
}

int make_memory(const std::string &name, size_t size) {
    const int descriptor = memfd_create((kPrefix + name).c_str(), 0);
    if (descriptor != -1 && ftruncate(descriptor, static_cast<off_t>(size)) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

bool look_at_memory(int descriptor, const std::function<bool(std::span<std::byte>)> &look) {
    struct stat status {};
    if (fstat(descriptor, &status) != 0 || status.st_size <= 0) {
        return false;
    }
    const auto size = static_cast<size_t>(status.st_size);
    void *place = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (place == MAP_FAILED) {
        return false;
    }
    const bool result = look({static_cast<std::byte *>(place), size});
    munmap(place, size);
    return result;
}

bool map_memory(int descriptor, std::span<std::byte> place) {
    struct stat status {};
    return fstat(descriptor, &status) == 0 && status.st_size == static_cast<off_t>(place.size()) &&
           mmap(place.data(), place.size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                descriptor, 0) != MAP_FAILED;
}

}  // namespace gateway
