#include "nginx/usage_writer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "core/access/parties.h"
#include "core/limits/counted.h"
#include "nginx/ngx.h"
#include "state/state_keeper.h"

namespace gateway {

namespace {

constexpr Milliseconds kGroup{50};     // so long a record waits for others
constexpr Milliseconds kRetry{1'000};  // after a failure
constexpr Milliseconds kTellAgain{60'000};
constexpr Milliseconds kForgetInterval{3'600'000};
constexpr Milliseconds kForgetMore{1'000};
constexpr int64_t kDay = 86400;
// Sums of keys that no keys.json has.
constexpr size_t kMostUnknown = 20'000;
// With on_error=refuse nobody is served while something has waited for longer to be written.
constexpr Milliseconds kLongestUnwritten{5'000};
constexpr Milliseconds kStartPatience{200};
constexpr Milliseconds kCheckInterval{3'600'000};
constexpr Milliseconds kRebuild{1};

// As the state file has it.
Balance balance_of(const std::vector<Counted> &counted, int64_t unix_seconds) {
    Balance balance;
    for (const Counted &one : counted) {
        for (size_t i = 0; i < kPeriods; ++i) {
            const auto period = static_cast<Period>(i);
            const CalendarCount &now = one.spent[i];
            const CalendarCount &before = one.spent_before[i];
            const bool same = now.number == before.number;
            if (now.used > 0) {
                balance.spent.push_back(
                    {one.key, period, now.number, now.used + (same ? before.used : 0), now.used});
            }
            if (before.used > 0 && (!same || now.used == 0)) {
                balance.spent.push_back({one.key, period, before.number, before.used, 0});
            }
        }
        const int64_t day = number_of(Period::day, unix_seconds);
        const int64_t images = one.images_day.used_in(day) + one.images_before.used_in(day);
        if (images > 0) {
            balance.images.push_back({one.kind, one.key, one.account, images});
        }
    }
    return balance;
}

}  // namespace

// What is used from one thread at a time: of the pool, or the loop's at the start and the end.
struct UsageWriter::Shared {
    explicit Shared(std::string path) : keeper(std::move(path)) {}
    std::mutex mutex;
    StateKeeper keeper;
};

// One turn of work at the file.
struct UsageWriter::Job {
    UsageBatch batch;
    uint64_t memory = 0;
    uint64_t expected = 0;          // they, if the file must know them
    std::vector<KeySpending> sums;  // of the batch's payers
    bool restores = false;
    int64_t now = 0;
    std::optional<int64_t> forget_before;
    bool checks = false;             // whether the file is sound
    std::optional<Balance> rebuild;  // something has happened to it: what it must have at least

    std::optional<Balance> balance;
    bool written = false;
    bool has_more_to_forget = false;
    StateProblem problem;  // empty: none
    std::string note;      // something else that people should know; empty: nothing

    void run(Shared &shared) {
        work(shared);
        const std::scoped_lock lock(end_mutex_);
        has_ended_ = true;
        end_condition_.notify_all();
    }

    // For the loop's thread, before it loops.
    bool wait_for_end(std::chrono::steady_clock::time_point until) {
        std::unique_lock lock(end_mutex_);
        return end_condition_.wait_until(lock, until, [this] { return has_ended_; });
    }

 private:
    void work(Shared &shared) {
        const std::scoped_lock lock(shared.mutex);
        if (written) {
            return;
        }
        const auto file =
            rebuild ? shared.keeper.rebuild(*rebuild, memory, now) : shared.keeper.file(expected);
        const auto done = file ? work(**file) : tl::unexpected(file.error());
        note = shared.keeper.take_note();
        if (restores && rebuild && !note.empty()) {
            note += "; what was used before nginx was started counts only as far as it has it";
        }
        if (!done) {
            problem = done.error();
            shared.keeper.note_failure(problem);
        }
    }

    tl::expected<void, StateProblem> work(StateFile &file) {
        // Before our own images are added to it: they count already.
        if (restores) {
            auto read = file.read(now, memory);
            if (!read) {
                return tl::unexpected(std::move(read.error()));
            }
            balance = std::move(*read);
        }
        if (auto wrote = file.write(batch, memory, sums); !wrote) {
            return wrote;
        }
        written = true;
        if (forget_before) {
            const auto more = file.forget_before(*forget_before);
            if (!more) {
                return tl::unexpected(more.error());
            }
            has_more_to_forget = *more;
        }
        return checks ? file.check() : tl::expected<void, StateProblem>();
    }

    std::mutex end_mutex_;
    std::condition_variable end_condition_;
    bool has_ended_ = false;
};

UsageWriter::UsageWriter(const StateRules &rules, const Clock &clock, EventLoop &loop,
                         TaskPool &tasks, Ledger &ledger,
                         std::function<std::vector<Counted>()> counted, int32_t process,
                         bool checks)
    : rules_(rules),
      clock_(clock),
      loop_(loop),
      tasks_(tasks),
      ledger_(ledger),
      counted_(std::move(counted)),
      process_(process),
      shared_(std::make_shared<Shared>(rules_.path)),
      checks_(checks) {}

UsageWriter::~UsageWriter() {
    timer_.reset();
    task_.reset();
    const std::shared_ptr<Job> last = std::make_shared<Job>();
    {
        const std::scoped_lock lock(shared_->mutex);
        if (job_ != nullptr && !job_->written) {
            waiting_.put_first(std::exchange(job_->batch, {}));
            job_->written = true;  // should a thread still come to it
        }
    }
    last->batch = std::move(waiting_);
    take_sums(*last);
    if (!last->batch.is_empty() || damaged_) {
        last->now = clock_.unix_seconds();
        last->run(*shared_);
        if (last->problem.kind == StateProblem::Kind::damaged) {
            last->problem = {};
            prepare_rebuild(*last);
            last->run(*shared_);
        }
        if (!last->problem.text.empty()) {
            tell(last->problem.text + "; the usage of " +
                     std::to_string(last->batch.rows().size()) + " requests is lost",
                 last->batch.rows_dropped());
        }
    }
}

void UsageWriter::take_sums(Job &job) {
    const std::vector<Account> payers(job.batch.payers().begin(), job.batch.payers().end());
    job.memory = memory_;
    has_written_ = has_written_ || ledger_.has_written();
    job.expected = has_written_ ? memory_ : 0;
    job.sums = ledger_.sums_of(payers);
}

void UsageWriter::start(const std::function<bool(int32_t)> &is_alive, Keys keys) {
    constexpr std::chrono::milliseconds kLook{5};
    is_alive_ = is_alive;
    keys_ = std::move(keys);
    memory_ = ledger_.budget_memory_id();
    const auto until = std::chrono::steady_clock::now() + kStartPatience;
    Ledger::Restoring state = ledger_.begin_restoring(process_, is_alive_);
    while (state == Ledger::Restoring::others && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(kLook);
        state = ledger_.begin_restoring(process_, is_alive_);
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
        failing_ = rules_.refuse;  // until it is known that it can be written to
    }
}

bool UsageWriter::is_open() const {
    // While a file that has just been written to is looked through, it can be written to.
    const bool checks = job_ != nullptr && job_->checks;
    const bool waits_long = !checks && oldest_ && clock_.now() - *oldest_ > kLongestUnwritten;
    return !rules_.refuse || !(failing_ || waits_long);
}

void UsageWriter::write_what_is_left() {
    for (const Account &payer : ledger_.unwritten()) {
        waiting_.add_payer(payer);
    }
    if (!waiting_.is_empty() && timer_ == nullptr && job_ == nullptr) {
        write_later(kGroup);
    }
}

void UsageWriter::write(UsageRecord record) {
    waiting_.add(std::move(record));
    if (!oldest_) {
        oldest_ = clock_.now();
    }
    if (timer_ == nullptr && job_ == nullptr) {
        write_later(kGroup);
    }
}

void UsageWriter::write_later(Milliseconds delay) {
    timer_ = loop_.start_timer(
        delay,
        [this] {
            const auto timer = std::move(timer_);
            write_now();
        },
        TimerKind::idle);
}

void UsageWriter::write_now() {
    const Ledger::Restoring state = ledger_.begin_restoring(process_, is_alive_);
    if (state == Ledger::Restoring::others) {
        // What that one reads must not hold what we have counted since.
        write_later(kGroup);
        return;
    }
    restored_ = restored_ || state == Ledger::Restoring::done;
    begin_job(state);
}

void UsageWriter::begin_job(Ledger::Restoring state) {
    job_ = std::make_shared<Job>();
    job_->batch = std::move(waiting_);
    waiting_ = UsageBatch();
    take_sums(*job_);
    job_->now = clock_.unix_seconds();
    job_->restores = state == Ledger::Restoring::ours;
    if (damaged_) {
        prepare_rebuild(*job_);
    } else if (checks_ && restored_ && clock_.now() >= check_at_) {
        check_at_ = clock_.now() + kCheckInterval;
        job_->checks = true;
    }
    if (const Milliseconds now = clock_.now(); now >= forgot_) {
        job_->forget_before = job_->now - rules_.keep_days * kDay;
        forgot_ = now + kForgetInterval;
    }
    try {
        task_ = tasks_.run([job = job_, shared = shared_] { job->run(*shared); },
                           [this, job = job_] { on_written(*job); });
    } catch (...) {
        task_.reset();  // as if the pool were full: what is in the job must not wait for ever
    }
    if (task_ == nullptr) {
        job_->problem.text = "the thread pool takes no more tasks";
        const std::shared_ptr<Job> job = job_;
        on_written(*job);
    }
}

// What the ledger says has in it what our own records say. Images that wait in other workers are in
// it as well, and these find that the file is another one. Before what was used earlier is read,
// the ledger knows less than the file might.
void UsageWriter::prepare_rebuild(Job &job) {
    job.rebuild = balance_of(counted_(), job.now);
    if (job.restores) {
        job.rebuild->images.clear();
    } else {
        job.batch.forget_images();
    }
}

void UsageWriter::on_written(Job &job) {
    const std::shared_ptr<Job> done = std::move(job_);
    job_.reset();
    tell_note(job);
    if (job.restores) {
        restore(job);
    }
    if (job.written) {
        ledger_.note_written(job.sums);
        oldest_ = waiting_.is_empty() ? std::nullopt : std::optional(clock_.now());
    } else {
        waiting_.put_first(std::move(job.batch));
    }
    damaged_ = (damaged_ && (!job.rebuild || !job.problem.text.empty())) ||
               job.problem.kind == StateProblem::Kind::damaged;
    if (damaged_ && !job.rebuild) {
        write_later(kRebuild);
        return;
    }
    if (!job.problem.text.empty()) {
        failing_ = true;
        unreadable_ = job.problem.kind != StateProblem::Kind::busy;
        forgot_ = Milliseconds(0);
        tell(job.problem.text, waiting_.rows_dropped());
        write_later(kRetry);
        return;
    }
    if (std::exchange(failing_, false)) {
        told_.reset();
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "image gateway: usage is written down again");
    }
    if (job.has_more_to_forget) {
        forgot_ = Milliseconds(0);
        write_later(kForgetMore);
    } else if (!waiting_.is_empty() || (checks_ && clock_.now() >= check_at_)) {
        write_later(kGroup);
    }
}

// First the keys that have a budget, then the others in use, then some that keys.json may have
// again. What is brought back twice, by a worker that takes over from a dead one, counts once.
void UsageWriter::restore(const Job &job) {
    if (!job.balance) {
        ledger_.give_up_restoring();
        return;
    }
    enum Rank : uint8_t { kHasBudget, kInUse, kUnknown };
    const auto rank_of = [this](const Balance::Spent &spent) {
        Rank rank = kUnknown;
        for (const auto &ring : keys_) {
            if (const Key *key = ring->find_id(spent.key)) {
                rank = std::min(rank, key->budgets.empty() ? kInUse : kHasBudget);
            }
        }
        return rank;
    };
    std::array<std::vector<const Balance::Spent *>, 3> ranks;
    for (const Balance::Spent &spent : job.balance->spent) {
        ranks[rank_of(spent)].push_back(&spent);
    }
    const size_t unknown = ranks[kUnknown].size();
    ranks[kUnknown].resize(std::min(unknown, kMostUnknown));
    size_t forgotten = unknown - ranks[kUnknown].size();
    for (const auto &rank : ranks) {
        for (const Balance::Spent *spent : rank) {
            forgotten += ledger_.restore_spent(account_of_key(spent->key), spent->key,
                                               spent->period, spent->number, spent->usd)
                             ? 0
                             : 1;
        }
    }
    if (forgotten > 0) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "image gateway: there is no room for %uz sums of what keys have spent, which "
                      "stay in the state file; those of keys that are in use come first",
                      forgotten);
    }
    const Moment now{job.now, clock_.now().count()};  // of the day that was read
    for (const Balance::Images &images : job.balance->images) {
        ledger_.restore_images(party_named(images.kind, images.key, images.account), images.images,
                               now);
    }
    ledger_.end_restoring();
    restored_ = true;
    keys_.clear();
}

void UsageWriter::tell_note(const Job &job) {
    if (!job.note.empty()) {
        ngx_str_t text = to_ngx(job.note);
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0, "image gateway: %V", &text);
    }
}

// At once, and then once a minute.
void UsageWriter::tell(const std::string &problem, size_t dropped) {
    const Milliseconds now = clock_.now();
    if (told_ && now - *told_ < kTellAgain) {
        return;
    }
    told_ = now;
    const std::string line = "\"" + rules_.path + "\": " + problem + "; " +
                             (rules_.refuse ? "requests are refused"
                                            : "requests are served, and "
                                              "written down later") +
                             (knows_past() ? std::string()
                                           : ", except those of keys whose budget or images of the "
                                             "day depend on it") +
                             (dropped == 0 ? std::string()
                                           : ", but for rows of " + std::to_string(dropped) +
                                                 " requests, which are only in the sums");
    ngx_str_t text = to_ngx(line);
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "image gateway: cannot write usage to %V", &text);
}

}  // namespace gateway
