#include "nginx/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace gateway {

namespace {

constexpr size_t kLargestFile = 64 * 1024 * 1024;
constexpr size_t kLargestSecret = 4096;
// Opening a pipe or a terminal must not block. It is refused after it is open.
constexpr int kReading = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

int64_t nanoseconds_of(const struct timespec &time) {
    constexpr int64_t kSecond = 1'000'000'000;
    return int64_t{time.tv_sec} * kSecond + time.tv_nsec;
}

tl::unexpected<std::string> because(int why) {
    return tl::unexpected(std::string(std::strerror(why)));
}

// Reads at most `max` bytes. The file may grow while it is read.
tl::expected<std::string, std::string> read_all(const FileHandle &file, size_t max) {
    constexpr size_t kPiece = size_t{64} * 1024;
    std::string text;
    while (text.size() <= max) {
        const size_t had = text.size();
        text.resize(had + kPiece);
        const ssize_t count = ::read(file.number(), text.data() + had, kPiece);
        text.resize(had + static_cast<size_t>(std::max<ssize_t>(count, 0)));
        if (count == 0) {
            return text;
        }
        if (count < 0 && errno != EINTR) {
            return because(errno);
        }
    }
    return because(EFBIG);
}

tl::expected<std::string, std::string> load(const FileHandle &file, size_t max) {
    struct stat status {};
    if (!file.is_open() || fstat(file.number(), &status) != 0) {
        return because(errno);
    }
    if (S_ISDIR(status.st_mode)) {
        return because(EISDIR);
    }
    if (!S_ISREG(status.st_mode)) {
        return tl::unexpected(std::string("it is not a regular file"));
    }
    return read_all(file, max);
}

// The reason not to trust this file. Null if there is none.
const char *distrust(const FileHandle &file) {
    struct stat status {};
    if (fstat(file.number(), &status) != 0) {
        return "its owner and mode cannot be read";
    }
    if (!is_owned_by_us(status)) {
        return "it belongs neither to root nor to the user that nginx is started as";
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return "others may write to it";
    }
    return status.st_nlink != 1 && S_ISREG(status.st_mode) ? "it has a second name (hard link)"
                                                           : nullptr;
}

}  // namespace

bool FileHandle::close() {
    return number_ < 0 || ::close(std::exchange(number_, -1)) == 0;
}

bool write_all(const FileHandle &file, std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file.number(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<size_t>(written));
    }
    return true;
}

FileHandle open_directory(const std::string &path, bool follow) {
    return FileHandle(
        open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW)));
}

FileHandle open_directory(const FileHandle &above, const std::string &name) {
    return FileHandle(
        openat(above.number(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
}

bool is_owned_by_us(const struct stat &status) {
    return status.st_uid == 0 || status.st_uid == geteuid();
}

Fingerprint fingerprint_of(const std::string &path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
        return {};
    }
    return {status.st_dev, status.st_ino, status.st_size, nanoseconds_of(status.st_mtim),
            nanoseconds_of(status.st_ctim)};
}

tl::expected<std::string, std::string> load_file(const std::string &path) {
    auto text = load(FileHandle(open(path.c_str(), kReading)), kLargestFile);
    return text ? std::move(text) : tl::unexpected("cannot read \"" + path + "\": " + text.error());
}

tl::expected<std::string, std::string> load_own_secret(const FileHandle &directory,
                                                       const std::string &name) {
    const FileHandle file(openat(directory.number(), name.c_str(), kReading | O_NOFOLLOW));
    if (!file.is_open()) {
        return errno == ELOOP ? tl::unexpected(std::string("it is a symbolic link"))
                              : because(errno);
    }
    if (const char *why = distrust(file)) {
        return tl::unexpected(std::string(why));
    }
    return load(file, kLargestSecret);
}

}  // namespace gateway
