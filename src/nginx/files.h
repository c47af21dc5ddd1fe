// Files that operators write, read whole; and care with files that others might have put there.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace gateway {

// An open file or directory; closed with this.
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
    // False if that said that something was not written.
    bool close();

 private:
    int number_;
};

// A directory, not a link to one unless `follow`; `name` is relative to `above`, if that is open.
FileHandle open_directory(const std::string &path, bool follow);
FileHandle open_directory(const FileHandle &above, const std::string &name);

// Whether nobody but root or this process's user owns it.
bool is_owned_by_us(const struct stat &status);

// Says whether a file has changed since it was last looked at. The time of its inode's last change
// is among it: nobody can set that, as they can the time of the last writing.
struct Fingerprint {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = -1;  // -1: there was no such file
    int64_t written = 0;
    int64_t changed = 0;  // both in nanoseconds
    bool operator==(const Fingerprint &) const = default;
};

Fingerprint fingerprint_of(const std::string &path);

// The contents of a regular file, or one sentence about why not. Never waits for somebody who might
// write into a pipe.
tl::expected<std::string, std::string> load_file(const std::string &path);

// The same for a secret of ours in a directory in which others may write: not behind a link, owned
// by root or us, written by nobody else, under no other name, and of sane size.
tl::expected<std::string, std::string> load_own_secret(const FileHandle &directory,
                                                       const std::string &name);

}  // namespace gateway
