#include "core/long_tasks.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace gateway {

std::shared_ptr<LongTasks> LongTasks::create(const Rules &rules) {
    return std::shared_ptr<LongTasks>(new LongTasks(rules));
}

std::unique_ptr<LongTasks::Turn> LongTasks::wait(const Owner &owner, Alarm &alarm) {
    auto &caller = *callers_.try_emplace(owner).first;
    ++caller.second.turns;
    std::unique_ptr<Turn> turn;
    try {
        queue_.push_back(nullptr);
        turn = std::make_unique<Turn>(shared_from_this(), caller, alarm);
    } catch (...) {
        queue_.remove(nullptr);
        if (--caller.second.turns == 0) {
            callers_.erase(owner);
        }
        throw;
    }
    queue_.back() = turn.get();
    begin_next();
    return turn;
}

// The caller with the fewest running tasks comes first, then the one whose last task began longest
// ago; of its tasks, the one that waits longest.
void LongTasks::begin_next() noexcept {
    while (running_ < rules_.most) {
        const auto next =
            std::min_element(queue_.begin(), queue_.end(), [](const Turn *a, const Turn *b) {
                const Caller &one = a->caller_.second;
                const Caller &other = b->caller_.second;
                return std::tie(one.running, one.last) < std::tie(other.running, other.last);
            });
        if (next == queue_.end() || (*next)->caller_.second.running >= rules_.most_of_caller) {
            return;
        }
        Turn &turn = **next;
        queue_.erase(next);
        ++running_;
        ++turn.caller_.second.running;
        turn.caller_.second.last = ++begun_;
        turn.has_begun_ = true;
        turn.alarm_.set(Milliseconds(0));
    }
}

LongTasks::Turn::~Turn() {
    Caller &caller = caller_.second;
    if (has_begun_) {
        --tasks_->running_;
        --caller.running;
    } else {
        tasks_->queue_.remove(this);
    }
    if (--caller.turns == 0) {
        tasks_->callers_.erase(tasks_->callers_.find(caller_.first));
    }
    tasks_->begin_next();
}

}  // namespace gateway
