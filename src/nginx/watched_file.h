// A file that operators may change while requests run: looked at twice a second, read and parsed on
// the task pool, and taken over whole or not at all. What a worker takes over, one that takes its
// place begins with.
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
    // Puts new contents in the place of the old, which it returns; runs on the loop.
    using Apply = std::function<std::shared_ptr<const void>()>;
    // From a text to that, or one sentence about what is wrong; runs on another thread.
    using Read = std::function<tl::expected<Apply, std::string>(const std::string &text)>;
    // Makes requests wait for contents that are not known; runs on the loop.
    using Forget = std::function<void()>;

    // Before the first request: the newest contents are in their place, or forgotten.
    WatchedFile(EventLoop &loop, TaskPool &tasks, std::string path,
                std::shared_ptr<SharedCopy> copy, Read read, const Forget &forget);
    WatchedFile(const WatchedFile &) = delete;
    WatchedFile &operator=(const WatchedFile &) = delete;
    ~WatchedFile() = default;

 private:
    struct Look;
    // What was seen of the file last, whether or not it was of use.
    struct Last {
        SharedCopy::Seen seen;
        // It had not changed for a while when it was read. A change within a tick of the kernel's
        // clock cannot be told from the one before.
        bool settled = false;
    };

    bool begin();
    void look();
    void take(Look &look);

    TaskPool &tasks_;
    std::string path_;
    std::shared_ptr<SharedCopy>
        copy_;  // shared, like the next, with a thread that may outlive this
    std::shared_ptr<const Read> read_;
    Last last_;
    std::unique_ptr<Alarm> alarm_;
    std::unique_ptr<Task> task_;
    // Old contents that requests may still use. To free many keys takes time: another thread does.
    std::vector<std::shared_ptr<const void>> old_;
};

}  // namespace gateway
