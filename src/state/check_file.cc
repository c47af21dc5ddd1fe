#include "state/check_file.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace gateway {

namespace {

// Interrupts a check that nobody needs any more. A thread of its own asks for that: older versions
// of SQLite call no progress handler while they read a table's pages.
class Watch {
 public:
    Watch(Database &database, const std::function<bool()> &is_over)
        : database_(database), is_over_(is_over) {
        if (is_over_) {
            thread_ = std::thread([this] { look(); });
        }
    }
    ~Watch() {
        {
            const std::scoped_lock lock(mutex_);
            has_ended_ = true;
        }
        end_.notify_all();
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    Watch(const Watch &) = delete;
    Watch &operator=(const Watch &) = delete;

 private:
    void look() {
        constexpr std::chrono::milliseconds kLook{10};
        std::unique_lock lock(mutex_);
        do {
            if (is_over_()) {
                database_.interrupt();
            }
        } while (!end_.wait_for(lock, kLook, [this] { return has_ended_; }));
    }

    Database &database_;
    const std::function<bool()> &is_over_;
    std::mutex mutex_;
    std::condition_variable end_;
    bool has_ended_ = false;
    std::thread thread_;
};

}  // namespace

tl::expected<void, StateProblem> check_file(const std::string &path,
                                            const std::function<bool()> &is_over) {
    auto database = Database::open_to_read(path);
    if (!database) {
        return tl::unexpected(std::move(database.error()));
    }
    const Watch watch(*database, is_over);
    Statement check = database->prepare("PRAGMA quick_check(1)");
    const Statement::Step step = check.next();
    if (is_over && is_over()) {
        return {};  // an interrupted check takes the pages that it has not read for unused ones
    }
    if (step == Statement::Step::failed) {
        return tl::unexpected(database->problem());
    }
    const std::string found = check.text(0);
    return found == "ok" ? tl::expected<void, StateProblem>()
                         : tl::unexpected(StateProblem{found, StateProblem::Kind::damaged});
}

}  // namespace gateway
