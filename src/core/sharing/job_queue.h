// The jobs of one worker that wait: their caller has as many requests as `concurrent` allows, their
// providers are busy, or memory is short. The callers take turns.
//
//   add --> waits --(there is room, the limits admit it)--> begins
//              \------(cancelled, or waits for too long)---> ended
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/limits/waiting_places.h"
#include "core/sharing/shared_making.h"

namespace gateway {

class JobQueue {
 public:
    // What a job has reserved is held for somewhat longer.
    static constexpr Milliseconds kLongestWait{3'600'000};

    // All arguments must outlive the queue.
    JobQueue(const Clock &clock, EventLoop &loop, Health &health, WaitingPlaces &places);
    JobQueue(const JobQueue &) = delete;
    JobQueue &operator=(const JobQueue &) = delete;
    ~JobQueue() = default;

    // Null if `max` jobs wait in all workers, or a quarter of them are this caller's.
    [[nodiscard]] std::unique_ptr<WaitingPlaces::Place> take_place(const Order &order, int64_t max);
    // Whether the orders that wait leave memory for this one.
    [[nodiscard]] bool may_hold(const Order &order) const;
    // Whether a job need not wait for providers and memory, nor for others that do.
    [[nodiscard]] bool may_begin_now(const Order &order) const {
        return !is_short_ && find_room(order);
    }
    void add(std::shared_ptr<SharedMaking> job, std::unique_ptr<WaitingPlaces::Place> place);
    [[nodiscard]] size_t size() const;

 private:
    struct Waiting {
        std::shared_ptr<SharedMaking> job;
        std::unique_ptr<WaitingPlaces::Place> place;
        Milliseconds since{0};
    };
    struct Line {
        std::deque<Waiting> jobs;
        size_t bytes = 0;  // that their orders hold
    };
    // A job that has left the queue, and that the provider's calls in progress do not show yet.
    struct Beginning {
        std::shared_ptr<SharedMaking> job;
        Account provider;
    };

    void look();
    bool begin_one(Line &line, size_t &tries);
    bool begin(Waiting &first, const Account &provider);
    void remove(Line &line, size_t number);
    [[nodiscard]] std::optional<Account> find_room(const Order &order) const;

    const Clock &clock_;
    Health &health_;
    WaitingPlaces &places_;
    std::map<Account, Line> lines_;  // by caller
    Account last_{};                 // whose turn was last
    size_t bytes_ = 0;
    bool is_short_ = false;  // a job waited for room the last time
    std::vector<Beginning> beginning_;
    std::unique_ptr<Alarm> alarm_;
};

}  // namespace gateway
