// What the requests of a worker hold in memory, counted for each caller, and who may take more. See
// docs/decisions/0022-held-memory.md.
//
//   HeldMemory    of the worker: the limit, the callers, and who waits
//   RequestMemory of one request: whom it counts for
//   AnswerMemory  of one answer that arrives: what it holds, and what is reserved for the rest of
//   it
//
// Single-threaded: all of it belongs to the event loop.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <unordered_map>

namespace gateway {

class AnswerMemory;
class RequestMemory;

class HeldMemory : public std::enable_shared_from_this<HeldMemory> {
 public:
    // The account of a key, a token's subject, or an address.
    using Owner = std::array<uint64_t, 2>;
    struct Rules {
        size_t limit = 512 * 1024 * 1024;
        size_t share = 25;  // percent of the limit that a caller may hold when memory is short
    };

    static std::shared_ptr<HeldMemory> create(const Rules &rules);
    HeldMemory(const HeldMemory &) = delete;
    HeldMemory &operator=(const HeldMemory &) = delete;
    ~HeldMemory() = default;

    std::shared_ptr<RequestMemory> open(const Owner &owner);

    // Bytes that are held or reserved.
    [[nodiscard]] size_t total() const { return total_; }
    [[nodiscard]] size_t limit() const { return limit_; }
    [[nodiscard]] size_t callers() const { return callers_.size(); }
    // Whether so many bytes for each answer under way would be much.
    [[nodiscard]] bool is_much(size_t for_each) const {
        return total_ + answers_ * for_each > limit_ / 2;
    }

    // Answers that wait for memory. Somebody must call serve() now and then while there are any:
    // `on_waiting` is called when there is a first one.
    [[nodiscard]] bool anyone_waits() const { return !queue_.empty(); }
    void serve();
    std::function<void()> on_waiting;

 private:
    friend class RequestMemory;
    friend class AnswerMemory;

    struct Caller {
        size_t bytes = 0;     // held or reserved
        size_t wanted = 0;    // by answers that wait
        size_t requests = 0;  // open
        uint64_t debt = 0;    // as RequestMemory's
    };
    struct Hash {
        size_t operator()(const Owner &owner) const { return static_cast<size_t>(owner[0]); }
    };
    using Callers = std::unordered_map<Owner, Caller, Hash>;

    explicit HeldMemory(const Rules &rules);

    void add(Caller &caller, size_t bytes) noexcept;
    void subtract(Caller &caller, size_t bytes) noexcept;
    [[nodiscard]] bool is_over(const Caller &caller, size_t more) const;
    [[nodiscard]] bool fits(const Caller &caller, size_t more) const;
    [[nodiscard]] bool may_go_beyond(const RequestMemory &request) const;
    void put_in_queue(AnswerMemory &answer);
    void take_from_queue(AnswerMemory &answer) noexcept;
    [[nodiscard]] AnswerMemory *next_to_serve() const;
    void grant(AnswerMemory &answer) noexcept;

    size_t limit_;
    size_t short_from_;  // bytes: three quarters
    size_t share_;       // bytes
    size_t step_;        // bytes: the most that is reserved at once
    size_t total_ = 0;
    size_t wanted_ = 0;
    size_t answers_ = 0;  // under way
    size_t bodies_ = 0;   // bytes that requests hold besides their answers
    uint64_t requests_ = 0;
    Callers callers_;
    std::list<AnswerMemory *> queue_;  // those of older requests first
    // The request that takes more than there is, so that somebody can finish; and a number that
    // changes when memory is no longer short, which pays all debts.
    const RequestMemory *beyond_ = nullptr;
    uint64_t epoch_ = 1;
};

class RequestMemory : public std::enable_shared_from_this<RequestMemory> {
 public:
    RequestMemory(std::shared_ptr<HeldMemory> held, HeldMemory::Callers::value_type &caller,
                  uint64_t number);
    ~RequestMemory();
    RequestMemory(const RequestMemory &) = delete;
    RequestMemory &operator=(const RequestMemory &) = delete;

    // Whether something may be begun that needs memory. A request that holds a part of its answer
    // may always go on.
    [[nodiscard]] bool may_begin() const;
    // Whether there is room for so many bytes besides answers.
    [[nodiscard]] bool may_hold(size_t bytes) const;
    // Whether so many bytes for each answer under way of this worker would be much.
    [[nodiscard]] bool is_much(size_t for_each) const { return held_->is_much(for_each); }
    // What the request holds besides its answers, as known by now.
    void hold(size_t bytes) noexcept;
    std::shared_ptr<AnswerMemory> begin_answer();

 private:
    friend class HeldMemory;
    friend class AnswerMemory;

    std::shared_ptr<HeldMemory> held_;
    HeldMemory::Callers::value_type &caller_;
    uint64_t number_;       // older requests have smaller ones
    size_t own_ = 0;        // bytes besides answers
    size_t answers_ = 0;    // bytes of answers
    size_t receiving_ = 0;  // answers that have begun to arrive and have not ended
    uint64_t debt_ = 0;     // the epoch in which it went beyond what it may hold
};

class AnswerMemory {
 public:
    explicit AnswerMemory(std::shared_ptr<RequestMemory> request);
    ~AnswerMemory();
    AnswerMemory(const AnswerMemory &) = delete;
    AnswerMemory &operator=(const AnswerMemory &) = delete;

    // Whether `need` bytes may be taken now. They are reserved, and up to `wish` with them. If they
    // may not, the answer waits, and `on_room` is called once they may.
    bool reserve(size_t need, size_t wish);
    std::function<void()> on_room;
    // Nothing more arrives: what is reserved goes back. What is held stays counted.
    void end() noexcept;

    // What is held: taken from what is reserved as far as that goes.
    void take(size_t bytes) noexcept;
    void give_back(size_t bytes) noexcept;

    [[nodiscard]] size_t reserved() const { return reserved_; }
    // It has been refused what it needs, so far.
    [[nodiscard]] bool waits() const { return place_.empty(); }

 private:
    friend class HeldMemory;

    std::shared_ptr<RequestMemory> request_;
    std::list<AnswerMemory *> place_;  // its node of the queue, while it is not there
    size_t reserved_ = 0;
    size_t wanted_ = 0;  // while it waits
    bool receiving_ = false;
    bool ended_ = false;
};

}  // namespace gateway
