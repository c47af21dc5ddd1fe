// A file that operators may change while requests run: looked at twice a second, read and parsed on
// the task pool, and taken over whole or not at all.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "core/ports.h"
#include "nginx/files.h"

namespace gateway {

class WatchedFile {
 public:
    // Puts new contents in the place of the old, which it returns; runs on the loop.
    using Apply = std::function<std::shared_ptr<const void>()>;
    // From a text to that, or one sentence about what is wrong; runs on another thread.
    using Read = std::function<tl::expected<Apply, std::string>(const std::string &text)>;

    // `seen` is the file as it was when its contents were last read.
    WatchedFile(EventLoop &loop, TaskPool &tasks, std::string path, Fingerprint seen, Read read);
    WatchedFile(const WatchedFile &) = delete;
    WatchedFile &operator=(const WatchedFile &) = delete;
    ~WatchedFile() = default;

 private:
    struct Look;
    void wait();
    void look();
    void take(Look &look);

    EventLoop &loop_;
    TaskPool &tasks_;
    std::string path_;
    Fingerprint seen_;
    std::shared_ptr<const Read> read_;  // shared with a thread that may outlive this
    std::unique_ptr<Timer> timer_;
    std::unique_ptr<Task> task_;
    // Old contents that requests may still use. To free many keys takes time: another thread does.
    std::vector<std::shared_ptr<const void>> old_;
};

}  // namespace gateway
