#include "nginx/files.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace gateway {

namespace {

constexpr size_t kLargestFile = 64 * 1024 * 1024;

}  // namespace

Fingerprint fingerprint_of(const std::string &path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
        return {};
    }
    return {status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
            status.st_mtim.tv_nsec};
}

tl::expected<std::string, std::string> load_file(const std::string &path) {
    const auto failed = [&](int why) {
        return tl::unexpected("cannot read \"" + path + "\": " + std::strerror(why));
    };
    std::error_code problem;
    if (std::filesystem::is_directory(path, problem)) {
        return failed(EISDIR);
    }
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file.is_open() || file.bad()) {
        return failed(errno);
    }
    if (text.size() > kLargestFile) {
        return tl::unexpected("\"" + path + "\" is too large");
    }
    return text;
}

}  // namespace gateway
