#include "nginx/watched_file.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <utility>

#include "nginx/ngx.h"

namespace gateway {

namespace {

constexpr Milliseconds kLookInterval{500};

// One second is far longer than a clock tick of any kernel or file server.
bool was_settled(const Fingerprint &file, std::chrono::nanoseconds now) {
    constexpr int64_t kLong = 1'000'000'000;
    return std::abs(now.count() - file.changed) > kLong;
}

}  // namespace

// The data of one check, which the pool thread works on.
struct WatchedFile::Look {
    std::string path;
    Last last;
    std::shared_ptr<SharedCopy> copy;
    std::shared_ptr<const Read> read;
    std::vector<std::shared_ptr<const void>> unused;
    std::optional<tl::expected<Apply, std::string>> result;  // none: nothing has changed

    void run() {
        unused.clear();
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const Fingerprint file = fingerprint_of(path);
        if (file == last.seen.file && last.settled) {
            return;
        }
        const auto text = load_file(path);
        const SharedCopy::Seen seen{file, sha256(text ? *text : text.error())};
        const bool same = seen.hash == last.seen.hash;
        if (same || take(text, seen)) {
            last = {seen, was_settled(file, now)};
        }
    }

 private:
    // False if the file has changed in the meantime. The next check handles that.
    bool take(const tl::expected<std::string, std::string> &text, const SharedCopy::Seen &seen) {
        if (!text) {
            result = tl::unexpected("\"" + path + "\": " + text.error());
            return true;
        }
        auto contents = (*read)(*text);
        if (!contents) {
            result = tl::unexpected("\"" + path + "\": " + contents.error());
            return true;
        }
        // Publishes before applying, so that no later worker starts with older contents.
        if (copy->publish(path, *text, seen) == SharedCopy::Published::outdated) {
            return false;
        }
        result = std::move(contents);
        return true;
    }
};

WatchedFile::WatchedFile(EventLoop &loop, TaskPool &tasks, std::string path,
                         std::shared_ptr<SharedCopy> copy, Read read, const Forget &forget)
    : tasks_(tasks),
      path_(std::move(path)),
      copy_(std::move(copy)),
      read_(std::make_shared<const Read>(std::move(read))),
      alarm_(loop.make_alarm([this] { look(); }, TimerKind::idle)) {
    if (!begin()) {
        forget();
        ngx_str_t name = to_ngx(path_);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "image gateway: the newest contents of \"%V\" are not known; requests that "
                      "need them are refused until it is read",
                      &name);
    }
    // Checks at once, not after half a second, because a worker may not live that long.
    alarm_->set(Milliseconds(0));
}

bool WatchedFile::begin() {
    using State = SharedCopy::Newest::State;
    const SharedCopy::Newest newest = copy_->newest();
    last_.seen = newest.seen;
    if (newest.state != State::published) {
        return newest.state == State::original;
    }
    const auto contents = (*read_)(newest.text);
    if (!contents) {
        last_ = {};
        return false;
    }
    old_.push_back((*contents)());
    return true;
}

void WatchedFile::look() {
    alarm_->set(kLookInterval);  // before anything that may throw
    if (task_ != nullptr) {
        return;
    }
    auto look = std::make_shared<Look>(Look{path_, last_, copy_, read_, {}, std::nullopt});
    const auto in_use = std::stable_partition(
        old_.begin(), old_.end(), [](const auto &contents) { return contents.use_count() > 1; });
    look->unused.assign(std::move_iterator(in_use), std::move_iterator(old_.end()));
    old_.erase(in_use, old_.end());
    task_ = tasks_.run([look] { look->run(); }, [this, look] { take(*look); });
}

void WatchedFile::take(Look &look) {
    const auto task = std::move(task_);
    if (!look.result) {
        last_ = look.last;
        return;
    }
    if (!*look.result) {
        last_ = look.last;
        ngx_str_t why = to_ngx(look.result->error());
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "image gateway: keeps the previous contents: %V", &why);
        return;
    }
    old_.reserve(old_.size() + 1);
    old_.push_back((**look.result)());
    last_ = look.last;  // at the end, so that the file is read again after an exception
    ngx_str_t name = to_ngx(path_);
    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0, "image gateway: has read \"%V\" again", &name);
}

}  // namespace gateway
