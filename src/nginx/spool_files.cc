#include "nginx/spool_files.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>

namespace gateway {

namespace {

constexpr mode_t kOwnerOnly = 0600;

size_t read_at(const FileHandle &file, uint64_t offset, std::span<char> into) noexcept {
    size_t count = 0;
    while (count < into.size()) {
        const ssize_t read = pread(file.number(), into.data() + count, into.size() - count,
                                   static_cast<off_t>(offset + count));
        if (read < 0 && errno == EINTR) {
            continue;
        }
        if (read <= 0) {
            break;
        }
        count += static_cast<size_t>(read);
    }
    return count;
}

// Also of a body, which nginx has written.
class NgxSpoolFile final : public SpoolFile {
 public:
    explicit NgxSpoolFile(FileHandle file) : file_(std::move(file)) {}
    size_t read(uint64_t offset, std::span<char> into) const noexcept override {
        return read_at(file_, offset, into);
    }
    bool append(std::string_view bytes) noexcept override { return write_all(file_, bytes); }

 private:
    FileHandle file_;
};

// Some file systems have no files without a name. Then the name is removed at once.
FileHandle open_unnamed(const std::string &directory) {
    static std::atomic<uint64_t> next_number{0};  // of this process
    FileHandle file(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kOwnerOnly));
    if (file.is_open() || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) {
        return file;
    }
    const std::string path = directory + "/image_gateway_" + std::to_string(getpid()) + "_" +
                             std::to_string(next_number.fetch_add(1));
    FileHandle named(
        open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kOwnerOnly));
    if (named.is_open()) {
        unlink(path.c_str());
    }
    return named;
}

}  // namespace

std::shared_ptr<SpoolFile> NgxSpoolFiles::create() const noexcept {
    try {
        FileHandle file = open_unnamed(directory_);
        return file.is_open() ? std::make_shared<NgxSpoolFile>(std::move(file)) : nullptr;
    } catch (const std::bad_alloc &) {
        return nullptr;
    }
}

std::shared_ptr<const ByteFile> keep_body_file(const ngx_file_t &file) {
    FileHandle copy(fcntl(file.fd, F_DUPFD_CLOEXEC, 0));
    return copy.is_open() ? std::make_shared<const NgxSpoolFile>(std::move(copy)) : nullptr;
}

}  // namespace gateway
