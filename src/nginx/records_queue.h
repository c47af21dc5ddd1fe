// Runs operations on the file of records on the task pool, in groups: while one group runs, the
// next one collects. A wrapper for each request and shared making implements the port Records.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/callback_owner.h"
#include "core/ports.h"
#include "core/sharing/records.h"
#include "state/records_file.h"

namespace gateway {

class RecordsQueue {
 public:
    struct Entry {
        RecordOperation operation;
        CallbackOwner *owner = nullptr;
        // Empty: nobody waits for the answer (any more). The bool: whether it was done.
        std::function<void(RecordOperation &, bool)> then;
    };

    // All but the path must outlive the queue.
    RecordsQueue(std::string path, const Clock &clock, EventLoop &loop, TaskPool &tasks,
                 bool maintains);
    // Runs what must be done, on the calling thread: the event loop has ended.
    ~RecordsQueue();
    RecordsQueue(const RecordsQueue &) = delete;
    RecordsQueue &operator=(const RecordsQueue &) = delete;

    void add(std::shared_ptr<Entry> entry);
    // The process ends: the task pool takes no more tasks.
    void stop() noexcept { stopped_ = true; }
    // Without an answer.
    void add_quietly(RecordOperation operation) noexcept;
    // Destroying the task drops the answer.
    std::unique_ptr<Task> ask(RecordOperation operation, CallbackOwner &owner,
                              std::function<void(RecordOperation &, bool)> then);

    // Called when ends of records are written: those of jobs may have made webhook messages due.
    std::function<void()> on_ends;

 private:
    using Group = std::vector<std::shared_ptr<Entry>>;
    // Shared with a thread that may outlive the queue.
    struct File {
        std::string path;
        std::mutex mutex;
        std::optional<RecordsFile> open;
    };
    struct Job {
        Group group;
        int64_t unix_seconds = 0;
        StateProblem problem;  // empty: none
        std::string note;
    };

    static void run(File &file, Job &job) noexcept;
    static tl::expected<void, StateProblem> work(File &file, Job &job);
    static void set_aside(const File &file, Job &job, const std::string &problem);
    void begin();
    void go_on();
    void end_unwritten();
    void on_done(const std::shared_ptr<Job> &job);
    void log_problem(const std::string &problem);
    void sweep();

    const Clock &clock_;
    TaskPool &tasks_;
    std::shared_ptr<File> file_;
    bool stopped_ = false;
    std::array<RecordId, 32> unwritten_{};  // for which there was no memory
    size_t unwritten_count_ = 0;
    Group waiting_;
    std::shared_ptr<Job> job_;
    std::unique_ptr<Task> task_;
    std::unique_ptr<Alarm> again_;
    std::unique_ptr<Alarm> sweep_alarm_;
    std::optional<Milliseconds> logged_;
};

// The records for one owner of callbacks.
class NgxRecords final : public Records {
 public:
    NgxRecords(RecordsQueue &queue, CallbackOwner &owner) : queue_(queue), owner_(owner) {}
    std::unique_ptr<Task> claim(RecordClaim claim, std::function<void(Claimed)> then) override;
    std::unique_ptr<Task> find(
        std::vector<RecordId> ids,
        std::function<void(std::optional<size_t>, KeptRecord)> then) override;
    std::unique_ptr<Task> is_wanted(RecordId id, std::string request_id,
                                    std::function<void(bool)> then) override;
    std::unique_ptr<Task> find_jobs(
        JobQuery query, std::function<void(std::optional<std::vector<JobRecord>>)> then) override;
    std::unique_ptr<Task> remove_job(JobQuery query,
                                     std::function<void(std::optional<JobRecord>)> then) override;
    std::unique_ptr<Task> is_cancelled(RecordId id, std::function<void(bool)> then) override;
    std::unique_ptr<Task> note_waiting(RecordId id, bool waits,
                                       std::function<void(WaitNoted)> then) override;
    std::unique_ptr<Task> take_over(std::function<void(std::vector<OrphanedJob>)> then) override;
    void note(RecordId id, std::string making) noexcept override;
    void finish(RecordEnd end) noexcept override;
    void forget(RecordId id, std::string request_id) noexcept override;
    void put(RecordEnd end) noexcept override;

 private:
    std::unique_ptr<Task> ask(RecordOperation operation,
                              std::function<void(RecordOperation &, bool)> then) {
        return queue_.ask(std::move(operation), owner_, std::move(then));
    }

    RecordsQueue &queue_;
    CallbackOwner &owner_;
};

}  // namespace gateway
