// Lets long tasks of the task pool take turns, so that other tasks find free threads and no caller
// waits for the many tasks of another. Not thread-safe: only the event loop's thread may use it.
//     turn = tasks->wait(owner, alarm);    // the alarm goes off once it is the task's turn
//     …                                    // the task must keep the turn until it has ended
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

#include "core/bytes/held_memory.h"
#include "core/ports.h"

namespace gateway {

class LongTasks : public std::enable_shared_from_this<LongTasks> {
 public:
    using Owner = HeldMemory::Owner;
    class Turn;

    struct Rules {
        size_t most = 2;            // that run at the same time
        size_t most_of_caller = 1;  // of them
    };

    static std::shared_ptr<LongTasks> create(const Rules &rules);
    LongTasks(const LongTasks &) = delete;
    LongTasks &operator=(const LongTasks &) = delete;
    ~LongTasks() = default;

    // The alarm must exist until it has gone off, or as long as the turn.
    std::unique_ptr<Turn> wait(const Owner &owner, Alarm &alarm);

    [[nodiscard]] size_t running() const { return running_; }
    [[nodiscard]] size_t waiting() const { return queue_.size(); }

 private:
    struct Caller {
        size_t turns = 0;
        size_t running = 0;
        uint64_t last = 0;  // the number of its last task that has begun; 0: none
    };
    struct Hash {
        size_t operator()(const Owner &owner) const { return static_cast<size_t>(owner[0]); }
    };
    using Callers = std::unordered_map<Owner, Caller, Hash>;

    explicit LongTasks(const Rules &rules) : rules_(rules) {}
    void begin_next() noexcept;

    Rules rules_;
    Callers callers_;
    std::list<Turn *> queue_;
    size_t running_ = 0;
    uint64_t begun_ = 0;
};

// Waits, or runs. Destroying it lets the next one run.
class LongTasks::Turn {
 public:
    Turn(std::shared_ptr<LongTasks> tasks, Callers::value_type &caller, Alarm &alarm)
        : tasks_(std::move(tasks)), caller_(caller), alarm_(alarm) {}
    ~Turn();
    Turn(const Turn &) = delete;
    Turn &operator=(const Turn &) = delete;

    [[nodiscard]] bool has_begun() const { return has_begun_; }

 private:
    friend class LongTasks;

    std::shared_ptr<LongTasks> tasks_;
    Callers::value_type &caller_;
    Alarm &alarm_;
    bool has_begun_ = false;
};

}  // namespace gateway
