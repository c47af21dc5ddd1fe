#include "state/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace gateway {

namespace {

constexpr mode_t kOwnerOnly = 0600;
constexpr mode_t kMode = 07777;

// Opened with O_PATH: closing a descriptor for reading or writing would release the locks that
// SQLite holds in this process.
class Looked {
 public:
    explicit Looked(const std::string &path)
        : file_(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)) {
        if (file_ >= 0 && fstat(file_, &status_) != 0) {
            close(file_);
            file_ = -1;
        }
    }
    ~Looked() {
        if (file_ >= 0) {
            close(file_);
        }
    }
    Looked(const Looked &) = delete;
    Looked &operator=(const Looked &) = delete;

    [[nodiscard]] bool exists() const { return file_ >= 0; }
    [[nodiscard]] mode_t type() const { return status_.st_mode & S_IFMT; }
    [[nodiscard]] bool is_private() const { return (status_.st_mode & kMode & ~kOwnerOnly) == 0; }
    [[nodiscard]] bool is_owned_by(uid_t user) const { return status_.st_uid == user; }
    // Changes the file that was opened, whatever its name leads to now.
    [[nodiscard]] bool make_private() const {
        const std::string itself = "/proc/self/fd/" + std::to_string(file_);
        return chmod(itself.c_str(), kOwnerOnly) == 0;
    }

 private:
    int file_;
    struct stat status_ {};
};

tl::unexpected<std::string> wrong(std::string why) {
    return tl::unexpected(std::move(why));
}

// Returns what was done to the file.
tl::expected<std::string, std::string> tighten(const std::string &path) {
    const Looked file(path);
    if (!file.exists()) {
        return std::string();
    }
    if (file.type() == S_IFLNK && !file.is_owned_by(0) && !file.is_owned_by(geteuid())) {
        return wrong("is a symbolic link that somebody else has made");
    }
    if (file.type() == S_IFLNK) {
        char target[PATH_MAX];
        return realpath(path.c_str(), target) == nullptr ? std::string() : tighten(target);
    }
    if (file.type() != S_IFREG) {
        return wrong("is not a regular file");
    }
    if (file.is_private()) {
        return std::string();
    }
    const std::string others = "\"" + path + "\" could be read by others";
    if (!file.is_owned_by(geteuid())) {
        return others + ", and still can: it belongs to another user";
    }
    return file.make_private() ? others + "; its mode is 0600 now"
                               : others + ", and still can: " + std::strerror(errno);
}

}  // namespace

tl::expected<std::string, std::string> make_private(const std::string &path) {
    const int made =
        open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kOwnerOnly);
    if (made >= 0) {
        close(made);
    } else if (errno != EEXIST) {
        return wrong(std::string("cannot be made: ") + std::strerror(errno));
    }
    std::string notes;
    for (const char *ending : {"", "-wal", "-shm", "-journal"}) {
        const auto note = tighten(path + ending);
        if (!note) {
            return wrong(*ending == '\0' ? note.error()
                                         : "\"" + path + ending + "\" " + note.error());
        }
        notes += (notes.empty() || note->empty() ? "" : "; ") + *note;
    }
    return notes;
}

tl::expected<PrivateDatabase, StateProblem> open_private(const std::string &path) {
    auto note = make_private(path);
    if (!note) {
        return tl::unexpected(StateProblem{std::move(note.error())});
    }
    auto database = Database::open(path);
    if (!database) {
        return tl::unexpected(database.error());
    }
    if (!database->run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                       "PRAGMA journal_size_limit = 67108864;")) {
        return tl::unexpected(database->problem());
    }
    return PrivateDatabase{std::move(*database), std::move(*note)};
}

}  // namespace gateway
