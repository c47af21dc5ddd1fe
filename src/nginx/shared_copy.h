// The newest valid contents of a watched file, in memory that all workers of a configuration share.
// A worker that replaces a dead one starts with them, because what it inherits from the master is
// as old as the last reload.
#pragma once

#include <cstdint>
#include <string>

#include "core/bytes/sha256.h"
#include "nginx/files.h"

namespace gateway {

class SharedCopy {
 public:
    // Identifies what was read: the file's state and the hash of the text.
    struct Seen {
        Fingerprint file;
        Sha256 hash{};
    };

    // The master creates it after it has read the file. That text is the newest until a worker
    // publishes another. Throws std::runtime_error.
    SharedCopy(const std::string &text, const Fingerprint &file);
    ~SharedCopy();
    SharedCopy(const SharedCopy &) = delete;
    SharedCopy &operator=(const SharedCopy &) = delete;

    // Publishes contents before they are applied. May run on any thread. `outdated`: the file has
    // changed since it was read, so its old contents must not replace what other workers may have
    // published. `failed`: the copy is marked as not the newest.
    enum class Published : uint8_t { yes, outdated, failed };
    Published publish(const std::string &path, const std::string &text, const Seen &seen);

    // `original`: nothing is newer than what the master read. `unknown`: newer contents existed and
    // are lost.
    struct Newest {
        enum class State : uint8_t { original, published, unknown };
        State state = State::unknown;
        std::string text;  // if published
        Seen seen;
    };
    [[nodiscard]] Newest newest() const;

 private:
    int memory_;
};

}  // namespace gateway
