// A file that operators may change while requests run. It is checked twice a second, read and
// parsed on the task pool, and applied completely or not at all. A worker that replaces a dead one
// starts with the contents that the dead one applied.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "core/ports.h"
#include "nginx/files.h"
#include "nginx/shared_copy.h"

namespace gateway {

class WatchedFile {
 public:
    // Replaces the old contents by new ones, and returns the old ones. Runs on the event loop.
    using Apply = std::function<std::shared_ptr<const void>()>;
    // Parses a text. Returns the function that applies it, or a sentence about what is wrong. Runs
    // on another thread.
    using Read = std::function<tl::expected<Apply, std::string>(const std::string &text)>;
    // Called if the newest contents are not known: requests that need them must be refused. Runs on
    // the event loop.
    using Forget = std::function<void()>;

    // Create it before the first request. It applies the newest contents, or calls `forget`.
    WatchedFile(EventLoop &loop, TaskPool &tasks, std::string path,
                std::shared_ptr<SharedCopy> copy, Read read, const Forget &forget);
    WatchedFile(const WatchedFile &) = delete;
    WatchedFile &operator=(const WatchedFile &) = delete;
    ~WatchedFile() = default;

 private:
    struct Look;
    // The last state of the file that was read, whether or not it was valid.
    struct Last {
        SharedCopy::Seen seen;
        // Whether the file was unchanged for a while when it was read. Two changes within a tick of
        // the kernel's clock cannot be distinguished.
        bool settled = false;
    };

    bool begin();
    void look();
    void take(Look &look);

    TaskPool &tasks_;
    std::string path_;
    std::shared_ptr<SharedCopy>
        copy_;  // shared with a thread that may outlive this object, like read_
    std::shared_ptr<const Read> read_;
    Last last_;
    std::unique_ptr<Alarm> alarm_;
    std::unique_ptr<Task> task_;
    // Old contents that requests may still use. Another thread frees them, because freeing many
    // keys takes time.
    std::vector<std::shared_ptr<const void>> old_;
};

}  // namespace gateway
