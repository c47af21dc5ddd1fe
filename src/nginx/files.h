// Reads files of operators, and checks files in directories where others can write.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace gateway {

// Owns an open file or directory.
class FileHandle {
 public:
    explicit FileHandle(int number) : number_(number) {}
    FileHandle(FileHandle &&other) noexcept : number_(std::exchange(other.number_, -1)) {}
    FileHandle(const FileHandle &) = delete;
    FileHandle &operator=(const FileHandle &) = delete;
    FileHandle &operator=(FileHandle &&) = delete;
    ~FileHandle() { close(); }

    [[nodiscard]] int number() const { return number_; }
    [[nodiscard]] bool is_open() const { return number_ >= 0; }
    // False if the system reports that data was not written.
    bool close();

 private:
    int number_;
};

// Writes at the file's position. False, with errno, if not all of it could be written.
bool write_all(const FileHandle &file, std::string_view bytes) noexcept;

// Opens a directory. Follows a symbolic link only with `follow`. `name` is relative to `above`,
// which must be open.
FileHandle open_directory(const std::string &path, bool follow);
FileHandle open_directory(const FileHandle &above, const std::string &name);

// Whether root or this process's user owns the file.
bool is_owned_by_us(const struct stat &status);

// Identifies the state of a file, to detect changes. It includes the time of the inode's last
// change, which users cannot set, unlike the time of the last write.
struct Fingerprint {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = -1;  // -1: the file does not exist
    int64_t written = 0;
    int64_t changed = 0;  // both times are in nanoseconds
    bool operator==(const Fingerprint &) const = default;
};

Fingerprint fingerprint_of(const std::string &path);

// Returns the contents of a regular file, or a sentence about the problem. Never waits, also not
// for a named pipe.
tl::expected<std::string, std::string> load_file(const std::string &path);

// Returns the contents of the gateway's own secret in a directory where others may write. The file
// must not be a symbolic link, must belong to root or this process's user, must be writable only by
// its owner, must have no second name, and must not be large.
tl::expected<std::string, std::string> load_own_secret(const FileHandle &directory,
                                                       const std::string &name);

}  // namespace gateway
