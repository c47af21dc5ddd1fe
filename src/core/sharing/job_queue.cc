#include "core/sharing/job_queue.h"

#include <algorithm>
#include <utility>

#include "core/bytes/held_memory.h"

namespace gateway {

namespace {

constexpr Milliseconds kQueueLook{20};
// What one look may cost.
constexpr size_t kTries = 64;
// A job that cannot begin keeps back only those of its caller that are so far behind it.
constexpr size_t kAhead = 8;
// The part of the memory that orders may hold while they wait, and a caller's part of that.
constexpr size_t kMemoryPart = 4;
constexpr size_t kCallersMemoryPart = 4;

ApiError error_waited_too_long() {
    return ApiError::for_now(503, "waited_too_long",
                             "The job has waited for an hour and could not begin. Nothing was made "
                             "or billed.");
}

// A job that waits holds its body as text and as parsed JSON.
size_t bytes_of(const Order &order) {
    return 2 * order.body.size();
}

}  // namespace

JobQueue::JobQueue(const Clock &clock, EventLoop &loop, Health &health, WaitingPlaces &places)
    : clock_(clock),
      health_(health),
      places_(places),
      alarm_(loop.make_alarm([this] { look(); }, TimerKind::holds_exit)) {}

std::unique_ptr<WaitingPlaces::Place> JobQueue::take_place(const Order &order, int64_t max) {
    constexpr Milliseconds kGrace{600'000};
    return places_.take(order.memory->owner(), max, kLongestWait + kGrace);
}

bool JobQueue::may_hold(const Order &order) const {
    const auto line = lines_.find(order.memory->owner());
    const size_t of_caller = line == lines_.end() ? 0 : line->second.bytes;
    const size_t max = order.memory->limit() / kMemoryPart;
    return bytes_ + bytes_of(order) <= max &&
           of_caller + bytes_of(order) <= max / kCallersMemoryPart;
}

void JobQueue::add(std::shared_ptr<SharedMaking> job, std::unique_ptr<WaitingPlaces::Place> place) {
    const Order &order = job->order();
    const size_t bytes = bytes_of(order);
    Line &line = lines_[order.memory->owner()];
    const std::shared_ptr<RequestMemory> memory = order.memory;
    line.jobs.push_back({std::move(job), std::move(place), clock_.now()});
    line.bytes += bytes;
    bytes_ += bytes;
    memory->hold(bytes);
    alarm_->set(Milliseconds(0));
}

size_t JobQueue::size() const {
    size_t sum = 0;
    for (const auto &[caller, line] : lines_) {
        sum += line.jobs.size();
    }
    return sum;
}

// The provider of the first candidate that may have a further call. Nothing if there is none, or no
// memory.
std::optional<Account> JobQueue::find_room(const Order &order) const {
    if (!order.memory->may_begin()) {
        return std::nullopt;
    }
    for (const Candidate &candidate : order.plan.candidates) {
        const Provider &provider = *candidate.provider;
        const auto soon =
            std::count_if(beginning_.begin(), beginning_.end(), [&](const Beginning &one) {
                return one.provider == provider.account && one.job->waits();
            });
        if (provider.max_calls == 0 ||
            health_.calls_of(provider.account) + soon < provider.max_calls) {
            return provider.account;
        }
    }
    return std::nullopt;
}

// One job of each caller, and again while any begins. The caller behind the last one comes first.
void JobQueue::look() {
    alarm_->set(kQueueLook);
    std::erase_if(beginning_, [](const Beginning &one) { return !one.job->waits(); });
    is_short_ = false;
    size_t tries = kTries;
    for (bool any = true; any && tries > 0;) {
        any = false;
        auto turn = lines_.upper_bound(last_);
        for (size_t left = lines_.size(); left > 0 && tries > 0; --left) {
            turn = turn == lines_.end() ? lines_.begin() : turn;
            const bool begun = begin_one(turn->second, tries);
            if (begun || tries == 0) {
                last_ = turn->first;
            }
            any = any || begun;
            turn = turn->second.jobs.empty() ? lines_.erase(turn) : std::next(turn);
        }
    }
    if (lines_.empty() && beginning_.empty()) {
        alarm_->unset();
    }
}

// Begins the first job that may begin.
bool JobQueue::begin_one(Line &line, size_t &tries) {
    size_t number = 0;
    while (number < std::min(line.jobs.size(), kAhead) && tries > 0) {
        Waiting &waiting = line.jobs[number];
        --tries;
        if (waiting.job->waits() && clock_.now() - waiting.since > kLongestWait) {
            waiting.job->refuse(error_waited_too_long());
        }
        if (!waiting.job->waits()) {
            remove(line, number);
            continue;
        }
        const auto provider = find_room(waiting.job->order());
        is_short_ = is_short_ || !provider;
        if (provider && waiting.job->has_time_to_begin() && begin(waiting, *provider)) {
            remove(line, number);
            return true;
        }
        ++number;
    }
    return false;
}

// False if its caller has too many requests in progress.
bool JobQueue::begin(Waiting &first, const Account &provider) {
    beginning_.reserve(beginning_.size() + 1);
    Order &order = first.job->order();
    if (!order.funds.admit()) {
        return false;
    }
    order.memory->hold(kCopiesOfBody * order.body.size());
    beginning_.push_back({first.job, provider});
    first.job->begin_after_waiting();
    return true;
}

void JobQueue::remove(Line &line, size_t number) {
    const size_t bytes = bytes_of(line.jobs[number].job->order());
    line.bytes -= bytes;
    bytes_ -= bytes;
    line.jobs.erase(line.jobs.begin() + static_cast<std::ptrdiff_t>(number));
}

}  // namespace gateway
