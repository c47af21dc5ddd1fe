#include "nginx/records_queue.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "core/utc_time.h"
#include "nginx/ngx.h"
#include "state/process_identity.h"

namespace gateway {

namespace {

constexpr Milliseconds kRecordRetry{1'000};
constexpr Milliseconds kRecordSweep{10'000};
constexpr Milliseconds kRecordLogAgain{60'000};
constexpr int64_t kUnwritten = 3'600;  // seconds that such a record is kept
constexpr size_t kMaxWaiting = 100'000;

class RecordTask final : public Task {
 public:
    explicit RecordTask(std::shared_ptr<RecordsQueue::Entry> entry) : entry_(std::move(entry)) {}
    ~RecordTask() override { entry_->then = nullptr; }

 private:
    std::shared_ptr<RecordsQueue::Entry> entry_;
};

}  // namespace

RecordsQueue::RecordsQueue(std::string path, const Clock &clock, EventLoop &loop, TaskPool &tasks,
                           bool maintains)
    : clock_(clock),
      tasks_(tasks),
      file_(std::make_shared<File>()),
      again_(loop.make_alarm([this] { go_on(); }, TimerKind::idle)) {
    file_->path = std::move(path);
    if (maintains) {
        sweep_alarm_ = loop.make_alarm([this] { sweep(); }, TimerKind::idle);
    }
    sweep();  // also opens the file before the first request
}

RecordsQueue::~RecordsQueue() {
    task_.reset();
    Job last;
    last.unix_seconds = clock_.unix_seconds();
    {
        // A thread may have begun the job; its operations may be done twice.
        const std::scoped_lock lock(file_->mutex);
    }
    const auto take = [&](Group &group) {
        for (const auto &entry : group) {
            if (entry->operation.must_be_done()) {
                last.group.push_back(entry);
            }
        }
    };
    if (job_ != nullptr) {
        take(job_->group);
    }
    take(waiting_);
    if (!last.group.empty()) {
        run(*file_, last);
        if (!last.problem.text.empty()) {
            log_problem(last.problem.text);
        }
    }
}

void RecordsQueue::add(std::shared_ptr<Entry> entry) {
    waiting_.push_back(std::move(entry));
    if (job_ == nullptr && !stopped_) {
        begin();
    }
}

void RecordsQueue::add_quietly(RecordOperation operation) noexcept {
    const RecordId id = operation.end.id;
    const bool must_be_done = operation.must_be_done();
    const bool is_record = operation.kind != RecordOperation::Kind::end_message;
    try {
        auto entry = std::make_shared<Entry>();
        entry->operation = std::move(operation);
        add(std::move(entry));
    } catch (...) {
        // The claim of a message runs out by itself.
        if (must_be_done && is_record && unwritten_count_ < unwritten_.size()) {
            unwritten_[unwritten_count_++] = id;
            again_->set(kRecordRetry);
        }
    }
}

// Records whose end could not be written for lack of memory end as interrupted: else, whoever asks
// for them would wait for as long as this worker runs.
void RecordsQueue::end_unwritten() {
    for (size_t count = std::exchange(unwritten_count_, 0); count > 0; --count) {
        RecordOperation operation;
        operation.kind = RecordOperation::Kind::finish;
        operation.end.id = unwritten_[count - 1];
        operation.end.expires = clock_.unix_seconds() + kUnwritten;
        add_quietly(std::move(operation));
    }
}

void RecordsQueue::sweep() {
    if (sweep_alarm_ != nullptr) {
        sweep_alarm_->set(kRecordSweep);
    }
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::sweep;
    add_quietly(std::move(operation));
}

void RecordsQueue::begin() {
    if (job_ != nullptr || waiting_.empty()) {
        return;
    }
    auto job = std::make_shared<Job>();
    job->group.swap(waiting_);
    job->unix_seconds = clock_.unix_seconds();
    job_ = job;
    try {
        task_ =
            tasks_.run([file = file_, job] { run(*file, *job); }, [this, job] { on_done(job); });
    } catch (...) {
        task_.reset();  // handled as a full pool
    }
    if (task_ == nullptr) {
        job->problem = {"the thread pool takes no more tasks", StateProblem::Kind::busy};
        again_->set(Milliseconds(0));  // whoever asks is told later
    }
}

void RecordsQueue::go_on() {
    end_unwritten();
    if (const std::shared_ptr<Job> job = task_ == nullptr ? job_ : nullptr) {
        on_done(job);
    } else {
        begin();
    }
}

// On a thread of the pool.
void RecordsQueue::run(File &file, Job &job) noexcept {
    try {
        const std::scoped_lock lock(file.mutex);
        if (const auto done = work(file, job); !done) {
            job.problem = done.error();
            file.open.reset();
        }
    } catch (...) {
        job.problem = {"no memory", StateProblem::Kind::busy};
    }
}

// A damaged file is renamed: its requests are forgotten, but new ones can be recorded.
void RecordsQueue::set_aside(const File &file, Job &job, const std::string &problem) {
    const std::string aside = file.path + ".damaged-" + format_time(job.unix_seconds);
    for (const char *ending : {"-wal", "-shm", ""}) {
        (void)std::rename((file.path + ending).c_str(), (aside + ending).c_str());
    }
    job.note = "\"" + file.path + "\" is damaged: " + problem + "; it is \"" + aside +
               "\" now, and its requests are forgotten";
}

tl::expected<void, StateProblem> RecordsQueue::work(File &file, Job &job) {
    if (file.open && !file.open->is_in_place()) {
        file.open.reset();
    }
    if (!file.open) {
        auto opened = RecordsFile::open(file.path, own_identity());
        if (!opened && opened.error().kind == StateProblem::Kind::damaged) {
            set_aside(file, job, opened.error().text);
            opened = RecordsFile::open(file.path, own_identity());
        }
        if (!opened) {
            return tl::unexpected(opened.error());
        }
        file.open.emplace(std::move(*opened));
    }
    std::vector<RecordOperation *> operations;
    operations.reserve(job.group.size());
    for (const auto &entry : job.group) {
        operations.push_back(&entry->operation);
    }
    auto done = file.open->run(operations, job.unix_seconds);
    if (!done && done.error().kind == StateProblem::Kind::damaged && file.open->is_in_place()) {
        set_aside(file, job, done.error().text);  // found only now; the next group has a new file
    }
    return done;
}

void RecordsQueue::on_done(const std::shared_ptr<Job> &job) {
    job_.reset();
    task_.reset();
    if (!job->note.empty()) {
        ngx_str_t text = to_ngx(job->note);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "image gateway: %V", &text);
    }
    const bool done = job->problem.text.empty();
    Group again;
    for (const auto &entry : job->group) {
        if (!done && entry->operation.must_be_done() && waiting_.size() < kMaxWaiting) {
            again.push_back(entry);
        } else if (const auto then = std::exchange(entry->then, nullptr)) {
            run_for(*entry->owner, [&] { then(entry->operation, done); });
        }
    }
    if (!done) {
        log_problem(job->problem.text);
        waiting_.insert(waiting_.begin(), again.begin(), again.end());
        again_->set(kRecordRetry);
        return;
    }
    logged_.reset();
    const bool has_ends = std::any_of(job->group.begin(), job->group.end(), [](const auto &entry) {
        return entry->operation.kind == RecordOperation::Kind::finish;
    });
    if (on_ends && has_ends) {
        on_ends();
    }
    begin();
}

// At once, and then once a minute.
void RecordsQueue::log_problem(const std::string &problem) {
    if (logged_ && clock_.now() - *logged_ < kRecordLogAgain) {
        return;
    }
    logged_ = clock_.now();
    const std::string line = "\"" + file_->path + "\": " + problem;
    ngx_str_t text = to_ngx(line);
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "image gateway: cannot use the records in %V",
                  &text);
}

std::unique_ptr<Task> RecordsQueue::ask(RecordOperation operation, CallbackOwner &owner,
                                        std::function<void(RecordOperation &, bool)> then) {
    auto entry = std::make_shared<Entry>();
    entry->operation = std::move(operation);
    entry->owner = &owner;
    entry->then = std::move(then);
    auto task = std::make_unique<RecordTask>(entry);
    add(std::move(entry));
    return task;
}

std::unique_ptr<Task> NgxRecords::claim(RecordClaim claim, std::function<void(Claimed)> then) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::claim;
    operation.claim = std::move(claim);
    return ask(std::move(operation), [then = std::move(then)](RecordOperation &ran, bool done) {
        then(done ? std::move(ran.claimed) : Claimed());
    });
}

std::unique_ptr<Task> NgxRecords::find(
    std::vector<RecordId> ids, std::function<void(std::optional<size_t>, KeptRecord)> then) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::find;
    operation.ids = std::move(ids);
    return ask(std::move(operation), [then = std::move(then)](RecordOperation &ran, bool done) {
        then(done ? ran.found : std::nullopt, std::move(ran.kept));
    });
}

std::unique_ptr<Task> NgxRecords::is_wanted(RecordId id, std::string request_id,
                                            std::function<void(bool)> then) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::is_wanted;
    operation.ids = {id};
    operation.request_id = std::move(request_id);
    return ask(std::move(operation),
               [then = std::move(then)](const RecordOperation &ran, bool done) {
                   then(!done || ran.wanted);
               });
}

std::unique_ptr<Task> NgxRecords::find_jobs(
    JobQuery query, std::function<void(std::optional<std::vector<JobRecord>>)> then) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::find_jobs;
    operation.query = std::move(query);
    return ask(std::move(operation), [then = std::move(then)](RecordOperation &ran, bool done) {
        done && !ran.unreadable ? then(std::move(ran.jobs)) : then(std::nullopt);
    });
}

std::unique_ptr<Task> NgxRecords::remove_job(JobQuery query,
                                             std::function<void(std::optional<JobRecord>)> then) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::remove_job;
    operation.query = std::move(query);
    return ask(std::move(operation), [then = std::move(then)](RecordOperation &ran, bool done) {
        const bool found = done && !ran.jobs.empty();
        found ? then(std::move(ran.jobs.front())) : then(std::nullopt);
    });
}

std::unique_ptr<Task> NgxRecords::is_cancelled(RecordId id, std::function<void(bool)> then) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::is_cancelled;
    operation.ids = {id};
    return ask(std::move(operation),
               [then = std::move(then)](const RecordOperation &ran, bool done) {
                   then(done && ran.cancelled);
               });
}

std::unique_ptr<Task> NgxRecords::note_waiting(RecordId id, bool waits,
                                               std::function<void(WaitNoted)> then) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::note_waiting;
    operation.ids = {id};
    operation.waits = waits;
    return ask(std::move(operation),
               [then = std::move(then)](const RecordOperation &ran, bool done) {
                   then(!done           ? WaitNoted::unavailable
                        : ran.cancelled ? WaitNoted::cancelled
                                        : WaitNoted::yes);
               });
}

std::unique_ptr<Task> NgxRecords::take_over(std::function<void(std::vector<OrphanedJob>)> then) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::take_over;
    return ask(std::move(operation), [then = std::move(then)](RecordOperation &ran, bool done) {
        then(done ? std::move(ran.orphans) : std::vector<OrphanedJob>());
    });
}

// If there is no memory for it, no other process goes on with the job.
void NgxRecords::note(RecordId id, std::string making) noexcept {
    try {
        RecordOperation operation;
        operation.kind = RecordOperation::Kind::note;
        operation.ids = {id};
        operation.making = std::move(making);
        auto entry = std::make_shared<RecordsQueue::Entry>();
        entry->operation = std::move(operation);
        queue_.add(std::move(entry));
    } catch (...) {
    }
}

void NgxRecords::finish(RecordEnd end) noexcept {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::finish;
    operation.end = std::move(end);
    queue_.add_quietly(std::move(operation));
}

void NgxRecords::forget(RecordId id, std::string request_id) noexcept {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::forget;
    operation.request_id = std::move(request_id);
    operation.end.id = id;
    queue_.add_quietly(std::move(operation));
}

void NgxRecords::put(RecordEnd end) noexcept {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::put;
    operation.end = std::move(end);
    queue_.add_quietly(std::move(operation));
}

}  // namespace gateway
