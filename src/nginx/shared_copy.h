// The newest good contents of a file that may change, in memory that all workers of a configuration
// share. A worker that takes the place of one that has died begins with them: what it inherits from
// the master is as old as the last reload.
#pragma once

#include <cstdint>
#include <string>

#include "core/bytes/sha256.h"
#include "nginx/files.h"

namespace gateway {

class SharedCopy {
 public:
    // What of a file was read: another text has another hash.
    struct Seen {
        Fingerprint file;
        Sha256 hash{};
    };

    // Made by the master when it has read the file, which is the newest until somebody publishes.
    // Throws std::runtime_error.
    SharedCopy(const std::string &text, const Fingerprint &file);
    ~SharedCopy();
    SharedCopy(const SharedCopy &) = delete;
    SharedCopy &operator=(const SharedCopy &) = delete;

    // Before contents are used, on any thread. `outdated`: the file is another one by now, so that
    // what was read of it must not take the place of what others may have published since.
    // `failed`: what is there is not the newest any more, and nobody will take it for that.
    enum class Published : uint8_t { yes, outdated, failed };
    Published publish(const std::string &path, const std::string &text, const Seen &seen);

    // `original`: nothing newer than what the master read. `unknown`: there was, and it is lost.
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
