// Writes usage to the state file, in groups, on the task pool; and restores it when nginx starts.
//
//     records ─► waiting_ ─ 50 ms ─► job_ on the pool ─► written ─┬─► waiting_, if there is more
//                   ▲                                             │
//                   └──── not written: again after 1 s, or at once with the file written anew
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/limits/ledger.h"
#include "core/limits/usage_book.h"
#include "core/ports.h"
#include "nginx/usage_job.h"

namespace gateway {

// image_gateway_state
struct StateRules {
    std::string path;  // empty: nothing is kept
    int keep_days = 90;
    bool refuse = false;  // refuse requests whose usage cannot be written
    std::string where;    // in the configuration: "FILE:LINE"
};

class UsageWriter final : public UsageBook {
 public:
    struct Parts {
        const Clock &clock;
        EventLoop &loop;
        TaskPool &tasks;
        Ledger &ledger;
        LedgerMemory memory;  // the ledger's
        // In memory that outlives the worker: the number of the file that was written to last.
        uint64_t &file_written;
        int32_t process;
        // Whether this worker is the one that checks the file and deletes what is old.
        bool maintains;
        bool (*is_ending)();  // asked on any thread: whether the worker ends
    };

    UsageWriter(const StateRules &rules, const Parts &parts);
    // Writes what is left, on the calling thread: the event loop has ended.
    ~UsageWriter() override;
    UsageWriter(const UsageWriter &) = delete;
    UsageWriter &operator=(const UsageWriter &) = delete;

    // Before the first request: restores what was used before, on the task pool. Waits for that at
    // most as long as it takes if the file is not locked; knows_past() says whether it is done.
    // `keys` are those in use, which are restored first.
    void start(const std::function<bool(int32_t)> &is_alive, KeyRings keys);

    // Writes what dead workers have counted and not written.
    void write_what_is_left();

    void write(UsageRecord record) override;
    [[nodiscard]] bool is_open() const override;
    // Whether the last job has written, and how long the oldest record has waited.
    [[nodiscard]] bool is_writable() const { return !failing_; }
    [[nodiscard]] Milliseconds lag() const {
        return oldest_ ? parts_.clock.now() - *oldest_ : Milliseconds(0);
    }
    [[nodiscard]] bool knows_past() const override { return restored_ || unreadable_; }

 private:
    struct Check;

    void write_later(Milliseconds delay);
    void write_now();
    void begin_job(Ledger::Restoring state);
    void on_written(UsageJob &job);
    void note_restoring(const UsageJob &job);
    void take_sums(UsageJob &job);
    void rebuild_with(UsageJob &job);
    void check_if_due();
    void on_checked(const Check &check);
    void log_problem(const std::string &problem, size_t dropped);
    static void log_note(const UsageJob &job);

    StateRules rules_;
    Parts parts_;
    uint64_t file_number_;
    std::function<bool(int32_t)> is_alive_;
    KeyRings keys_;
    bool has_written_ = false;  // any sum of this memory, as far as this worker knows
    uint64_t memory_ = 0;
    std::shared_ptr<UsageFile> file_;  // shared with threads that may outlive this
    UsageBatch waiting_;
    std::shared_ptr<UsageJob> job_;  // the one that runs
    std::unique_ptr<Timer> timer_;
    std::unique_ptr<Task> task_;
    bool failing_ = false;
    bool damaged_ = false;  // the next job writes the file anew
    std::optional<StateKeeper::Found> damage_;
    std::shared_ptr<Check> check_;
    std::unique_ptr<Task> check_task_;
    Milliseconds check_at_{0};
    bool restored_ = false;    // what was used before is counted
    bool unreadable_ = false;  // it cannot be counted: the file is not just locked
    std::optional<Milliseconds> logged_;
    std::optional<Milliseconds> oldest_;  // since when the oldest record waits
    Milliseconds delete_at_{0};
};

}  // namespace gateway
