// Keeps the state file open, and notices what happens to it meanwhile: it is damaged, replaced or
// taken away, or loses its -wal. What is of no use is put aside under another name, and a new file
// is given what counts.
//
//     file() ── opened, as it was left ──────────────► the file
//        └──── something has happened to it ─► kind `damaged` ─► rebuild() ─► the file
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "state/state_file.h"

namespace gateway {

class StateKeeper {
 public:
    // What is known of the file before it is opened.
    struct Expected {
        // The budget memory of which something was written, so that it must be in the file; 0:
        // none.
        uint64_t memory = 0;
        // A file of ours had this name: what makes no sense under it is damaged, and not a
        // stranger's.
        bool is_ours = false;
    };
    // What a check of the file under this name has found.
    struct Found {
        StateProblem problem;
        uint64_t device = 0;
        uint64_t inode = 0;
    };

    explicit StateKeeper(std::string path) : path_(std::move(path)) {}

    // Opened if need be. A problem of kind `damaged`: rebuild() is to be called, and all else is in
    // vain until then.
    tl::expected<StateFile *, StateProblem> file() { return file(Expected()); }
    tl::expected<StateFile *, StateProblem> file(const Expected &expected);
    // Something at the file has failed: it is opened anew, or rebuilt.
    void note_failure(const StateProblem &problem);
    // Reads the whole file; on any thread, beside whoever writes. Nothing: it is sound, or could
    // not be read, which those who write find as well.
    static std::optional<Found> check(const std::string &path,
                                      const std::function<bool()> &is_over);
    // To be called before file(). Of a file that is not in use any more nothing is to be done.
    void note_found(const Found &found);
    // Puts aside what is of no use, and sees to it that the file has at least what is in `counted`.
    // To do it again changes nothing, so each worker that notices may.
    tl::expected<StateFile *, StateProblem> rebuild(const Balance &counted, uint64_t memory,
                                                    int64_t unix_seconds);

    // What people should know of it; empty: nothing new.
    [[nodiscard]] std::string take_note() { return std::exchange(note_, ""); }

 private:
    struct Identity {
        uint64_t device = 0;
        uint64_t inode = 0;  // 0: there is no such file
        int64_t size = 0;
        [[nodiscard]] bool exists() const { return inode != 0; }
        [[nodiscard]] bool is_same(const Identity &other) const {
            return device == other.device && inode == other.inode;
        }
    };
    struct Damage {
        std::string what;
        bool useless = false;  // what lies under the name, if it is still the same
        Identity file;
    };

    static Identity identify(const std::string &path);
    [[nodiscard]] std::optional<Damage> happened() const;
    tl::expected<void, StateProblem> open();
    tl::expected<void, StateProblem> open_sound(int64_t unix_seconds, std::string &aside);
    void put_old_wal_aside(int64_t unix_seconds);
    [[nodiscard]] std::string name_aside(int64_t unix_seconds) const;
    tl::expected<void, StateProblem> put_aside(int64_t unix_seconds, std::string &aside);
    [[nodiscard]] bool is_ours() const;

    std::string path_;
    std::optional<StateFile> file_;
    Identity opened_;  // the last; it exists once there was one
    Identity wal_;     // of that
    Identity shm_;
    std::optional<Damage> damage_;
    std::string note_;
};

}  // namespace gateway
