// Writes down what is used, in groups, on the task pool; and brings it back when nginx was started.
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
    bool refuse = false;  // serve nobody whose request could not be written down
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
        // In memory that outlives the worker: which file was written to, as a number.
        uint64_t &file_written;
        int32_t process;
        // One of the workers checks from time to time whether the file is sound, and deletes from
        // it what is old.
        bool maintains;
        bool (*is_ending)();  // the worker, so that a check of the file must not delay it
    };

    UsageWriter(const StateRules &rules, const Parts &parts);
    // Writes what is left, on this thread: there is no loop any more.
    ~UsageWriter() override;
    UsageWriter(const UsageWriter &) = delete;
    UsageWriter &operator=(const UsageWriter &) = delete;

    // Before the first request: has what was used before brought back, on the task pool. Waits for
    // that only as long as it takes where nobody else has locked the file; then
    // knows_past() tells. `keys` are those in use: what they have spent is brought back before what
    // others have.
    void start(const std::function<bool(int32_t)> &is_alive, KeyRings keys);

    // What workers that are gone have counted and not written.
    void write_what_is_left();

    void write(UsageRecord record) override;
    [[nodiscard]] bool is_open() const override;
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
    bool has_written_ = false;  // anything of the budget records, as far as this worker knows
    uint64_t memory_ = 0;
    std::shared_ptr<UsageFile> file_;  // with a thread that may outlive this
    UsageBatch waiting_;
    std::shared_ptr<UsageJob> job_;  // that is being written
    std::unique_ptr<Timer> timer_;
    std::unique_ptr<Task> task_;
    bool failing_ = false;
    bool damaged_ = false;  // the file is written anew next
    std::optional<StateKeeper::Found> damage_;
    std::shared_ptr<Check> check_;
    std::unique_ptr<Task> check_task_;
    Milliseconds check_at_{0};
    bool restored_ = false;    // what was used before counts
    bool unreadable_ = false;  // and it cannot be: the file is not just locked
    std::optional<Milliseconds> logged_;
    std::optional<Milliseconds> oldest_;  // of what waits
    Milliseconds delete_at_{0};
};

}  // namespace gateway
