#include "nginx/watched_file.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "nginx/ngx.h"

namespace gateway {

namespace {

constexpr Milliseconds kInterval{500};

}  // namespace

// All that the thread works on.
struct WatchedFile::Look {
    std::string path;
    Fingerprint seen;
    std::shared_ptr<const Read> read;
    std::vector<std::shared_ptr<const void>> unused;
    std::optional<tl::expected<Apply, std::string>> result;  // none: nothing has changed

    void run() {
        unused.clear();
        const Fingerprint now = fingerprint_of(path);
        if (now == seen) {
            return;
        }
        seen = now;
        auto text = load_file(path);
        if (text) {
            result = (*read)(*text);
        } else {
            result = tl::unexpected(std::move(text.error()));
        }
        if (!*result) {
            result = tl::unexpected("\"" + path + "\": " + result->error());
        }
    }
};

WatchedFile::WatchedFile(EventLoop &loop, TaskPool &tasks, std::string path, Fingerprint seen,
                         Read read)
    : loop_(loop),
      tasks_(tasks),
      path_(std::move(path)),
      seen_(seen),
      read_(std::make_shared<const Read>(std::move(read))) {
    wait();
}

void WatchedFile::wait() {
    timer_ = loop_.start_timer(
        kInterval, [this] { look(); }, TimerKind::idle);
}

void WatchedFile::look() {
    auto look = std::make_shared<Look>(Look{path_, seen_, read_, {}, std::nullopt});
    const auto in_use = std::stable_partition(
        old_.begin(), old_.end(), [](const auto &contents) { return contents.use_count() > 1; });
    look->unused.assign(std::move_iterator(in_use), std::move_iterator(old_.end()));
    old_.erase(in_use, old_.end());
    task_ = tasks_.run([look] { look->run(); }, [this, look] { take(*look); });
    if (task_ == nullptr) {
        wait();  // the pool is full: later
    }
}

void WatchedFile::take(Look &look) {
    wait();
    seen_ = look.seen;
    if (!look.result) {
        return;
    }
    if (!*look.result) {
        ngx_str_t why = to_ngx(look.result->error());
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "image gateway: keeps what it had: %V", &why);
        return;
    }
    old_.push_back((**look.result)());
    ngx_str_t name = to_ngx(path_);
    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0, "image gateway: has read \"%V\" anew", &name);
}

}  // namespace gateway
