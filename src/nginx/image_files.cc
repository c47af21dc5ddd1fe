#include "nginx/image_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>
#include <vector>

#include "core/images/base64_stream.h"
#include "nginx/files.h"

namespace gateway {

namespace {

class NgxWrite final : public Write {
 public:
    explicit NgxWrite(std::unique_ptr<Task> task) : task_(std::move(task)) {}

 private:
    std::unique_ptr<Task> task_;
};

Written why() {
    const int error = errno;
    const bool is_full = error == ENOSPC || error == EDQUOT;
    return {is_full ? Written::store_full : Written::failed,
            std::error_code(error, std::generic_category()).message()};
}

// Opens DIR/xx, and creates it if necessary. Refuses a symbolic link or a directory of another
// owner, because others may be able to write in DIR.
FileHandle open_image_directory(const std::string &path) {
    constexpr mode_t kDirectoryMode = 0700;
    const size_t slash = path.rfind('/');
    const std::string name = path.substr(slash + 1);
    const FileHandle store = open_directory(path.substr(0, slash), true);
    if (!store.is_open() ||
        (mkdirat(store.number(), name.c_str(), kDirectoryMode) != 0 && errno != EEXIST)) {
        return FileHandle(-1);
    }
    FileHandle directory = open_directory(store, name);
    struct stat status {};
    if (directory.is_open() &&
        (fstat(directory.number(), &status) != 0 || !is_owned_by_us(status))) {
        directory.close();
        errno = EPERM;
    }
    return directory;
}

// Writes a temporary file and renames it, so that an incomplete file never has the final name.
// `fill` writes the contents.
template <typename Fill>
Written write_file(const std::string &path, Fill fill) {
    constexpr mode_t kFileMode = 0600;
    const size_t slash = path.rfind('/');
    const std::string name = path.substr(slash + 1);
    const std::string temporary = name + std::string(kTemporaryEnding);
    const FileHandle directory = open_image_directory(path.substr(0, slash));
    if (!directory.is_open()) {
        return why();
    }
    FileHandle file(openat(directory.number(), temporary.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    if (!file.is_open()) {
        return why();
    }
    Written result = fill(file);
    if (!file.close() && result.result == Written::whole) {
        result = why();
    }
    if (result.result == Written::whole &&
        renameat(directory.number(), temporary.c_str(), directory.number(), name.c_str()) != 0) {
        result = why();
    }
    if (result.result != Written::whole) {
        unlinkat(directory.number(), temporary.c_str(), 0);
    }
    return result;
}

Written write_decoded(const FileHandle &file, const Bytes &base64) {
    constexpr size_t kPiece = size_t{48} * 1024;
    std::vector<uint8_t> piece(kPiece);
    Base64Reader reader(base64);
    for (size_t count = kPiece; count == kPiece;) {
        count = reader.read(piece);
        if (!write_all(file, {reinterpret_cast<const char *>(piece.data()), count})) {
            return why();
        }
    }
    return reader.is_whole() ? Written{Written::whole}
                             : Written{Written::failed, "its base64 is broken"};
}

bool set_expiry(const FileHandle &file, int64_t expires, mode_t mode) {
    const timespec times[] = {{0, UTIME_OMIT}, {expires, 0}};
    return futimens(file.number(), times) == 0 && fchmod(file.number(), mode) == 0;
}

Written write_as_it_is(const FileHandle &file, const Bytes &bytes, int64_t expires, mode_t mode) {
    for (const Slice &slice : bytes.slices()) {
        if (!write_all(file, slice.text)) {
            return why();
        }
    }
    return set_expiry(file, expires, mode) ? Written{Written::whole} : why();
}

// An image that is kept for longer or more strictly already stays so.
Written extend(const std::string &path, int64_t expires, mode_t mode) {
    const size_t slash = path.rfind('/');
    const FileHandle directory = open_image_directory(path.substr(0, slash));
    if (!directory.is_open()) {
        return why();
    }
    const FileHandle file(openat(directory.number(), path.substr(slash + 1).c_str(),
                                 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    if (!file.is_open() || fstat(file.number(), &status) != 0) {
        return why();
    }
    const mode_t before = status.st_mode & 07777;
    if (before == kKeptMode || before == kCachedMode) {
        expires = std::max<int64_t>(expires, status.st_mtime);
        mode = before == kKeptMode ? kKeptMode : mode;
    }
    return set_expiry(file, expires, mode) ? Written{Written::whole} : why();
}

Written keep_files(const KeptFiles &files) {
    const mode_t mode = files.may_go ? kCachedMode : kKeptMode;
    for (const std::string &image : files.images) {
        if (auto extended = extend(image, files.expires, mode); extended.result != Written::whole) {
            return extended;
        }
    }
    if (files.path.empty()) {
        return {Written::whole};
    }
    return write_file(files.path, [&](const FileHandle &file) {
        return write_as_it_is(file, files.base64, files.expires, mode);
    });
}

}  // namespace

std::unique_ptr<Write> NgxImageFiles::write(std::string path, Bytes base64,
                                            std::function<void(Written)> on_end) {
    auto result = std::make_shared<Written>();
    // Only the job holds the blocks, because the loop's thread must release them and it destroys
    // the job.
    auto task = tasks_.run(
        [result, path = std::move(path), base64 = std::move(base64)] {
            *result = write_file(
                path, [&](const FileHandle &file) { return write_decoded(file, base64); });
        },
        [result, on_end = std::move(on_end)] { on_end(*result); });
    return task == nullptr ? nullptr : std::make_unique<NgxWrite>(std::move(task));
}

std::unique_ptr<Write> NgxImageFiles::keep(KeptFiles files, std::function<void(Written)> on_end) {
    auto result = std::make_shared<Written>();
    auto task = tasks_.run([result, files = std::move(files)] { *result = keep_files(files); },
                           [result, on_end = std::move(on_end)] { on_end(*result); });
    return task == nullptr ? nullptr : std::make_unique<NgxWrite>(std::move(task));
}

}  // namespace gateway
