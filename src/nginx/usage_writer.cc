#include "nginx/usage_writer.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "nginx/ngx.h"

namespace gateway {

namespace {

constexpr Milliseconds kGroup{50};     // how long a record waits for others
constexpr Milliseconds kRetry{1'000};  // after a failure
constexpr Milliseconds kLogAgain{60'000};
constexpr Milliseconds kDeleteInterval{3'600'000};
constexpr Milliseconds kDeleteMore{1'000};
constexpr int64_t kDay = 86400;
// With on_error=refuse, requests are refused while a record has waited longer than this.
constexpr Milliseconds kLongestUnwritten{5'000};
constexpr Milliseconds kStartPatience{200};
constexpr Milliseconds kCheckInterval{3'600'000};
constexpr Milliseconds kRebuild{1};

}  // namespace

// Shared with a thread that may outlive the writer.
struct UsageWriter::Check {
    std::string path;
    bool (*is_ending)();
    std::atomic<bool> is_over{false};
    std::optional<StateKeeper::Found> found;
};

UsageWriter::UsageWriter(const StateRules &rules, const Parts &parts)
    : rules_(rules),
      parts_(parts),
      file_number_(account_of(rules.path)[0]),
      file_(std::make_shared<UsageFile>(rules_.path, parts.memory)) {}

UsageWriter::~UsageWriter() {
    timer_.reset();
    task_.reset();
    check_task_.reset();
    if (check_ != nullptr) {
        check_->is_over = true;
    }
    const auto last = std::make_shared<UsageJob>();
    {
        const std::scoped_lock lock(file_->mutex);
        if (job_ != nullptr && !job_->written) {
            waiting_.put_first(std::exchange(job_->batch, {}));
            job_->written = true;  // for a thread that has not begun it yet
        }
    }
    last->batch = std::move(waiting_);
    take_sums(*last);
    if (last->batch.is_empty() && !damaged_) {
        return;
    }
    last->run(*file_);
    if (last->problem.kind == StateProblem::Kind::damaged) {
        last->problem = {};
        rebuild_with(*last);
        last->run(*file_);
    }
    if (!last->problem.text.empty()) {
        log_problem(last->problem.text + "; the usage of " +
                        std::to_string(last->batch.rows().size()) + " requests is lost",
                    last->batch.rows_dropped());
    }
}

void UsageWriter::take_sums(UsageJob &job) {
    const std::vector<Account> payers(job.batch.payers().begin(), job.batch.payers().end());
    job.memory = memory_;
    job.now = {parts_.clock.unix_seconds(), parts_.clock.now().count()};
    has_written_ = has_written_ || parts_.ledger.has_written();
    job.expected = {has_written_ ? memory_ : 0, parts_.file_written == file_number_};
    job.sums = parts_.ledger.sums_of(payers);
}

void UsageWriter::start(const std::function<bool(int32_t)> &is_alive, KeyRings keys) {
    constexpr std::chrono::milliseconds kLook{5};
    is_alive_ = is_alive;
    keys_ = std::move(keys);
    memory_ = parts_.ledger.budget_memory_id();
    const auto until = std::chrono::steady_clock::now() + kStartPatience;
    Ledger::Restoring state = parts_.ledger.begin_restoring(parts_.process, is_alive_);
    while (state == Ledger::Restoring::others && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(kLook);
        state = parts_.ledger.begin_restoring(parts_.process, is_alive_);
    }
    restored_ = state == Ledger::Restoring::done;
    if (restored_) {
        keys_.clear();
    }
    if (state == Ledger::Restoring::others || (restored_ && !rules_.refuse)) {
        write_later(kGroup);
        return;
    }
    begin_job(state);
    if (job_ != nullptr && job_->wait_for_end(until)) {
        task_.reset();
        on_written(*job_);
    } else if (job_ != nullptr) {
        failing_ = rules_.refuse;  // until a job has written to the file
    }
}

bool UsageWriter::is_open() const {
    const bool waits_long = oldest_ && parts_.clock.now() - *oldest_ > kLongestUnwritten;
    return !rules_.refuse || !(failing_ || waits_long);
}

void UsageWriter::write_what_is_left() {
    for (const Account &payer : parts_.ledger.unwritten()) {
        waiting_.add_payer(payer);
    }
    if (!waiting_.is_empty() && timer_ == nullptr && job_ == nullptr) {
        write_later(kGroup);
    }
}

void UsageWriter::write(UsageRecord record) {
    waiting_.add(std::move(record));
    if (!oldest_) {
        oldest_ = parts_.clock.now();
    }
    if (timer_ == nullptr && job_ == nullptr) {
        write_later(kGroup);
    }
}

void UsageWriter::write_later(Milliseconds delay) {
    timer_ = parts_.loop.start_timer(
        delay,
        [this] {
            const auto timer = std::move(timer_);
            write_now();
        },
        TimerKind::idle);
}

void UsageWriter::write_now() {
    const Ledger::Restoring state = parts_.ledger.begin_restoring(parts_.process, is_alive_);
    if (state == Ledger::Restoring::others) {
        // The other worker must not restore from the file what this one has counted meanwhile.
        write_later(kGroup);
        return;
    }
    restored_ = restored_ || state == Ledger::Restoring::done;
    begin_job(state);
}

void UsageWriter::begin_job(Ledger::Restoring state) {
    job_ = std::make_shared<UsageJob>();
    job_->batch = std::exchange(waiting_, {});
    take_sums(*job_);
    job_->restores = state == Ledger::Restoring::ours;
    if (job_->restores) {
        job_->keys = keys_;
    }
    if (damaged_) {
        rebuild_with(*job_);
    }
    if (parts_.maintains && parts_.clock.now() >= delete_at_) {
        job_->keep_seconds = rules_.keep_days * kDay;
        delete_at_ = parts_.clock.now() + kDeleteInterval;
    }
    try {
        task_ = parts_.tasks.run([job = job_, file = file_] { job->run(*file); },
                                 [this, job = job_] { on_written(*job); });
    } catch (...) {
        task_.reset();  // handled as a full pool
    }
    if (task_ == nullptr) {
        job_->problem = {"the thread pool takes no more tasks", StateProblem::Kind::busy};
        const std::shared_ptr<UsageJob> job = job_;
        on_written(*job);
    }
}

// The ledger's counts contain the batch's images. They also contain images that other workers will
// write, and images of requests that end before the thread reads the ledger: the file may count
// these twice, so that a day's limit is reached early, and never late.
void UsageWriter::rebuild_with(UsageJob &job) {
    job.rebuilds = true;
    job.damage = std::exchange(damage_, std::nullopt);
    if (!job.restores) {
        job.batch.forget_images();
    }
}

void UsageWriter::on_written(UsageJob &job) {
    const std::shared_ptr<UsageJob> done = std::move(job_);
    job_.reset();
    log_note(job);
    if (job.restores) {
        note_restoring(job);
    }
    if (job.written) {
        parts_.ledger.note_written(job.sums);
        parts_.file_written = file_number_;
        oldest_ = waiting_.is_empty() ? std::nullopt : std::optional(parts_.clock.now());
    } else {
        waiting_.put_first(std::move(job.batch));
    }
    damaged_ = (damaged_ && (!job.rebuilds || !job.problem.text.empty())) ||
               job.problem.kind == StateProblem::Kind::damaged;
    if (damaged_ && !job.rebuilds) {
        write_later(kRebuild);
        return;
    }
    if (!job.problem.text.empty()) {
        failing_ = true;
        unreadable_ = job.problem.kind != StateProblem::Kind::busy;
        delete_at_ = Milliseconds(0);
        log_problem(job.problem.text, waiting_.rows_dropped());
        write_later(kRetry);
        return;
    }
    if (std::exchange(failing_, false)) {
        logged_.reset();
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0, "image gateway: usage is written again");
    }
    check_if_due();
    if (job.has_more_to_delete) {
        delete_at_ = Milliseconds(0);
        write_later(kDeleteMore);
    } else if (!waiting_.is_empty()) {
        write_later(kGroup);
    }
}

void UsageWriter::note_restoring(const UsageJob &job) {
    if (!job.restored) {
        parts_.ledger.give_up_restoring();
        return;
    }
    if (job.sums_without_room > 0) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "image gateway: there is no room for %uz sums of what keys have spent; they "
                      "stay in the state file, and keys in use are restored first",
                      job.sums_without_room);
    }
    restored_ = true;
    keys_.clear();
}

// The check does not delay jobs.
void UsageWriter::check_if_due() {
    if (!parts_.maintains || !restored_ || check_ != nullptr || parts_.clock.now() < check_at_) {
        return;
    }
    check_ = std::make_shared<Check>();
    check_->path = rules_.path;
    check_->is_ending = parts_.is_ending;
    const auto work = [check = check_] {
        check->found = StateKeeper::check(check->path,
                                          [check] { return check->is_over || check->is_ending(); });
    };
    try {
        check_task_ = parts_.tasks.run(work, [this, check = check_] { on_checked(*check); });
    } catch (...) {
        check_task_.reset();
    }
    if (check_task_ == nullptr) {
        check_.reset();  // tried again after the next job
    } else {
        check_at_ = parts_.clock.now() + kCheckInterval;
    }
}

void UsageWriter::on_checked(const Check &check) {
    const std::shared_ptr<Check> done = std::move(check_);
    damage_ = check.found;
    if (!damage_) {
        return;
    }
    damaged_ = true;
    if (job_ == nullptr) {
        write_later(kRebuild);
    }
}

void UsageWriter::log_note(const UsageJob &job) {
    if (!job.note.empty()) {
        ngx_str_t text = to_ngx(job.note);
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0, "image gateway: %V", &text);
    }
}

// Logs at once, and then once a minute.
void UsageWriter::log_problem(const std::string &problem, size_t dropped) {
    const Milliseconds now = parts_.clock.now();
    if (logged_ && now - *logged_ < kLogAgain) {
        return;
    }
    logged_ = now;
    const std::string line =
        "\"" + rules_.path + "\": " + problem + "; " +
        (rules_.refuse ? "requests are refused"
                       : "requests are served, and their usage is written later") +
        (knows_past() ? std::string()
                      : ", except those of callers with a budget or a limit of "
                        "images per day, which are refused") +
        (dropped == 0 ? std::string()
                      : "; the rows of " + std::to_string(dropped) +
                            " requests are lost, but not their sums");
    ngx_str_t text = to_ngx(line);
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "image gateway: cannot write usage to %V", &text);
}

}  // namespace gateway
