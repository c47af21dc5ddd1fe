#include "state/state_keeper.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "core/utc_time.h"
#include "state/check_file.h"

namespace gateway {

namespace {

// The endings of the files that SQLite keeps beside it.
constexpr const char *kWal = "-wal";
constexpr const char *kShm = "-shm";
constexpr const char *kBeside[] = {kWal, kShm, "-journal"};

// Held while a worker replaces the file.
class DirectoryLock {
 public:
    explicit DirectoryLock(const std::string &directory)
        : directory_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
        constexpr std::chrono::milliseconds kLook{5};
        constexpr int kLooks = 200;
        for (int i = 0; directory_ >= 0 && i < kLooks && !held_; ++i) {
            held_ = flock(directory_, LOCK_EX | LOCK_NB) == 0;
            if (!held_) {
                std::this_thread::sleep_for(kLook);
            }
        }
    }
    ~DirectoryLock() {
        if (directory_ >= 0) {
            close(directory_);
        }
    }
    DirectoryLock(const DirectoryLock &) = delete;
    DirectoryLock &operator=(const DirectoryLock &) = delete;
    [[nodiscard]] bool is_held() const { return held_; }

 private:
    int directory_;
    bool held_ = false;
};

std::string directory_of(const std::string &path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// "20270115T103000Z"
std::string compact_time(int64_t unix_seconds) {
    std::string text = format_time(unix_seconds);
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text;
}

}  // namespace

StateKeeper::Identity StateKeeper::identify(const std::string &path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
        return {};
    }
    return {status.st_dev, status.st_ino, status.st_size};
}

// What has happened to the open file.
std::optional<StateKeeper::Damage> StateKeeper::happened() const {
    const Identity now = identify(path_);
    if (!now.exists()) {
        return Damage{"was removed", false, opened_};
    }
    if (!now.is_same(opened_)) {
        return Damage{"was replaced by another file", false, opened_};
    }
    if (now.size == 0 && opened_.size != 0) {
        return Damage{"was truncated", true, opened_};
    }
    if (file_ && wal_.exists() && !identify(path_ + kWal).is_same(wal_)) {
        return Damage{"has lost its -wal", true, opened_};
    }
    return std::nullopt;
}

// Whether the file's header is one of the gateway's. A file of another program, named by mistake in
// the configuration, is left alone.
bool StateKeeper::is_ours() const {
    constexpr std::string_view kMagic{"SQLite format 3\0", 16};
    constexpr size_t kApplicationId = 68;
    std::array<char, 100> header{};
    const int file = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const ssize_t count = file < 0 ? -1 : pread(file, header.data(), header.size(), 0);
    if (file >= 0) {
        close(file);  // no connection of this process has it open
    }
    return count == static_cast<ssize_t>(header.size()) &&
           std::string_view(header.data(), kMagic.size()) == kMagic &&
           std::string_view(header.data() + kApplicationId, 4) == "igws";
}

tl::expected<void, StateProblem> StateKeeper::open() {
    auto opened = StateFile::open(path_);
    if (!opened) {
        return tl::unexpected(std::move(opened.error()));
    }
    file_.emplace(std::move(*opened));
    note_ = file_->note();
    opened_ = identify(path_);
    wal_ = identify(path_ + kWal);
    shm_ = identify(path_ + kShm);
    return {};
}

tl::expected<StateFile *, StateProblem> StateKeeper::file(const Expected &expected) {
    if (!damage_ && opened_.exists()) {
        damage_ = happened();
    }
    if (!damage_ && !file_) {
        const auto done = open();
        const bool damaged = !done && done.error().kind == StateProblem::Kind::damaged;
        if (!done && !(damaged && (opened_.exists() || expected.is_ours || is_ours()))) {
            // It was never the gateway's file, and is left alone.
            return tl::unexpected(StateProblem{
                done.error().text, damaged ? StateProblem::Kind::other : done.error().kind});
        }
        if (damaged) {
            damage_ = Damage{"is damaged: " + done.error().text, true, identify(path_)};
        } else if (expected.memory != 0) {
            // The file is new, or was replaced before this process opened it.
            const auto known = file_->knows(expected.memory);
            if (!known) {
                return tl::unexpected(known.error());
            }
            if (!*known) {
                file_.reset();
                wal_ = shm_ = {};  // they belong to this file
                damage_ = Damage{"has none of the sums that were written", false, opened_};
            }
        }
    }
    if (damage_) {
        return tl::unexpected(StateProblem{damage_->what, StateProblem::Kind::damaged});
    }
    return &*file_;
}

void StateKeeper::note_failure(const StateProblem &problem) {
    if (problem.kind == StateProblem::Kind::damaged && !damage_) {
        damage_ = Damage{"is damaged: " + problem.text, true, opened_};
    } else if (problem.kind != StateProblem::Kind::damaged) {
        file_.reset();  // file() opens it again
    }
}

std::optional<StateKeeper::Found> StateKeeper::check(const std::string &path,
                                                     const std::function<bool()> &is_over) {
    const Identity file = identify(path);
    const auto sound = check_file(path, is_over);
    if (sound || sound.error().kind != StateProblem::Kind::damaged) {
        return std::nullopt;
    }
    return Found{sound.error(), file.device, file.inode};
}

void StateKeeper::note_found(const Found &found) {
    if (opened_.device == found.device && opened_.inode == found.inode) {
        note_failure(found.problem);
    }
}

std::string StateKeeper::name_aside(int64_t unix_seconds) const {
    const std::string name = path_ + ".damaged-" + compact_time(unix_seconds);
    std::string free = name;
    for (int i = 2; identify(free).exists() || identify(free + kWal).exists(); ++i) {
        free = name + "-" + std::to_string(i);
    }
    return free;
}

// Renames the -wal and -shm of the file that was open. They lie beside another file now, and SQLite
// would take them for that file's.
void StateKeeper::put_old_wal_aside(int64_t unix_seconds) {
    const std::string aside = name_aside(unix_seconds);
    const bool has_wal = wal_.exists() && identify(path_ + kWal).is_same(wal_);
    if (has_wal || (shm_.exists() && identify(path_ + kShm).is_same(shm_))) {
        (void)std::rename((path_ + kShm).c_str(), (aside + kShm).c_str());
    }
    if (has_wal) {
        (void)std::rename((path_ + kWal).c_str(), (aside + kWal).c_str());
    }
}

// The -wal first: it must never lie beside a new file, or SQLite would apply it to that.
tl::expected<void, StateProblem> StateKeeper::put_aside(int64_t unix_seconds, std::string &aside) {
    aside = name_aside(unix_seconds);
    for (const char *ending : kBeside) {
        (void)std::rename((path_ + ending).c_str(), (aside + ending).c_str());
    }
    if (std::rename(path_.c_str(), aside.c_str()) != 0 && errno != ENOENT) {
        return tl::unexpected(
            StateProblem{std::string("cannot be put aside: ") + std::strerror(errno)});
    }
    return {};
}

// Opens the file under the name, or a new one if that one is damaged.
tl::expected<void, StateProblem> StateKeeper::open_sound(int64_t unix_seconds, std::string &aside) {
    auto opened = open();
    if (opened) {
        opened = check_file(path_);
    }
    if (opened || opened.error().kind != StateProblem::Kind::damaged) {
        return opened;
    }
    file_.reset();
    return put_aside(unix_seconds, aside).and_then([this] { return open(); });
}

tl::expected<StateFile *, StateProblem> StateKeeper::rebuild(const Balance &counted,
                                                             uint64_t memory,
                                                             int64_t unix_seconds) {
    if (!damage_) {
        // Another worker has rebuilt it, or the damaged file is not in use any more.
        return file().and_then([&](StateFile *file) {
            return file->raise(counted, memory, unix_seconds).map([=] { return file; });
        });
    }
    const DirectoryLock lock(directory_of(path_));
    if (!lock.is_held()) {
        return tl::unexpected(
            StateProblem{damage_->what + "; its directory is locked", StateProblem::Kind::busy});
    }
    std::string aside;
    // Another worker may have replaced it already.
    if (damage_->useless && identify(path_).is_same(damage_->file)) {
        if (file_) {
            file_->save_wal();  // for operators who look at the old file
        }
        if (auto done = put_aside(unix_seconds, aside); !done) {
            return tl::unexpected(std::move(done.error()));
        }
    } else {
        put_old_wal_aside(unix_seconds);
    }
    // Closed only now: its name leads to another file, so SQLite does not delete the -wal there.
    file_.reset();
    auto done = open_sound(unix_seconds, aside).and_then([&] {
        return file_->raise(counted, memory, unix_seconds);
    });
    if (!done) {
        file_.reset();
        return tl::unexpected(std::move(done.error()));
    }
    note_ = "\"" + path_ + "\" " + std::exchange(damage_, std::nullopt)->what +
            (aside.empty() ? std::string() : "; it is \"" + aside + "\" now") +
            "; the current sums were written again";
    return &*file_;
}

}  // namespace gateway
