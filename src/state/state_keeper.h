// Keeps the state file open, and notices if it is damaged, replaced or removed, or loses its -wal.
// A file that cannot be used is renamed, and what counts is written to a new one.
//
//     file() ─── unchanged, or opened now ───────────────────────────────► the file
//        └────── changed or damaged ─► problem `damaged` ─► rebuild() ─► the file
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
    // What the caller knows about the file before it is opened.
    struct Expected {
        // The budget memory of which sums were written, so that the file must have some; 0: none.
        uint64_t memory = 0;
        // The gateway has written to a file of this name. If it is not a database any more, it is
        // damaged; else it would be taken for another program's file.
        bool is_ours = false;
    };
    // The result of a check that has found damage.
    struct Found {
        StateProblem problem;
        uint64_t device = 0;
        uint64_t inode = 0;
    };

    explicit StateKeeper(std::string path) : path_(std::move(path)) {}

    // Opens the file if need be. After a problem of kind `damaged` only rebuild() helps.
    tl::expected<StateFile *, StateProblem> file() { return file(Expected()); }
    tl::expected<StateFile *, StateProblem> file(const Expected &expected);
    // Must be called when an operation on the file has failed: the next file() opens it anew, or
    // asks for rebuild().
    void note_failure(const StateProblem &problem);
    // Reads the whole file, on any thread and beside writers. Nothing if it is not damaged, or
    // cannot be read; writers notice the latter themselves.
    static std::optional<Found> check(const std::string &path,
                                      const std::function<bool()> &is_over);
    // Must be called before file(). No effect if another file is in use by now.
    void note_found(const Found &found);
    // Renames a file that cannot be used, and raises the sums in the file to at least those in
    // `counted`. A repetition changes nothing, so each worker that notices the damage may do it.
    tl::expected<StateFile *, StateProblem> rebuild(const Balance &counted, uint64_t memory,
                                                    int64_t unix_seconds);

    // What the operator should know; empty: nothing new.
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
        bool useless = false;  // the file under the name, if it is still the same
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
    Identity opened_;  // the file that was opened last
    Identity wal_;     // beside it
    Identity shm_;
    std::optional<Damage> damage_;
    std::string note_;
};

}  // namespace gateway
