// Counts the memory that the requests of a worker hold, per caller, and decides who may take more.
// See docs/decisions/0022-held-memory.md.
//
//   HeldMemory     one per worker: the limit, the callers, and the responses that wait for memory
//   RequestMemory  one per request: the caller that it counts for
//   AnswerMemory   one per response that arrives: its held bytes, and the bytes reserved for the
//                  rest of it
//
// Not thread-safe: only the event loop's thread may use these classes.
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
    // The account of a virtual key, a token's subject, or an address.
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

    // The bytes that are held or reserved.
    [[nodiscard]] size_t total() const { return total_; }
    [[nodiscard]] size_t limit() const { return limit_; }
    [[nodiscard]] size_t callers() const { return callers_.size(); }
    // Whether `for_each` more bytes for each response in progress would exceed half of the limit.
    [[nodiscard]] bool is_much(size_t for_each) const {
        return total_ + answers_ * for_each > limit_ / 2;
    }

    // Responses that wait for memory. While there are any, serve() must be called regularly.
    // `on_waiting` is called when the first response begins to wait.
    [[nodiscard]] bool anyone_waits() const { return !queue_.empty(); }
    void serve();
    std::function<void()> on_waiting;

 private:
    friend class RequestMemory;
    friend class AnswerMemory;

    struct Caller {
        size_t bytes = 0;     // held or reserved
        size_t wanted = 0;    // bytes that waiting responses need
        size_t requests = 0;  // open requests
        uint64_t debt = 0;    // like RequestMemory::debt_
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
    size_t short_from_;  // bytes: three quarters of the limit. Above it memory is short
    size_t share_;       // bytes
    size_t step_;        // bytes: the maximum that one reservation takes in advance
    size_t total_ = 0;
    size_t wanted_ = 0;
    size_t answers_ = 0;  // responses in progress
    size_t bodies_ = 0;   // bytes that requests hold in addition to their responses
    uint64_t requests_ = 0;
    Callers callers_;
    std::list<AnswerMemory *> queue_;  // older requests first
    // The one request that may exceed the limit, so that it can finish. The epoch changes when
    // memory is no longer short; debts of earlier epochs no longer count.
    RequestMemory *beyond_ = nullptr;
    uint64_t last_beyond_ = 0;  // the number of the request that was the last to do so
    uint64_t epoch_ = 1;
};

class RequestMemory : public std::enable_shared_from_this<RequestMemory> {
 public:
    RequestMemory(std::shared_ptr<HeldMemory> held, HeldMemory::Callers::value_type &caller,
                  uint64_t number);
    ~RequestMemory();
    RequestMemory(const RequestMemory &) = delete;
    RequestMemory &operator=(const RequestMemory &) = delete;

    [[nodiscard]] const HeldMemory::Owner &owner() const { return caller_.first; }
    [[nodiscard]] size_t limit() const { return held_->limit_; }
    // Whether the request may start something that needs memory. A request that holds a part of a
    // response may always continue.
    [[nodiscard]] bool may_begin() const;
    // Whether there is room for `bytes` bytes in addition to responses.
    [[nodiscard]] bool may_hold(size_t bytes) const;
    // See HeldMemory::is_much().
    [[nodiscard]] bool is_much(size_t for_each) const { return held_->is_much(for_each); }
    // Sets the number of bytes that the request holds in addition to its responses.
    void hold(size_t bytes) noexcept;
    std::shared_ptr<AnswerMemory> begin_answer();

 private:
    friend class HeldMemory;
    friend class AnswerMemory;

    std::shared_ptr<HeldMemory> held_;
    HeldMemory::Callers::value_type &caller_;
    uint64_t number_;           // older requests have smaller numbers
    size_t own_ = 0;            // bytes in addition to responses
    size_t answers_ = 0;        // bytes of responses
    size_t receiving_ = 0;      // responses that have begun to arrive and have not ended
    uint64_t debt_ = 0;         // the epoch in which the request exceeded what it may hold
    bool stands_back_ = false;  // its client reads nothing: another one may exceed the limit
};

class AnswerMemory {
 public:
    explicit AnswerMemory(std::shared_ptr<RequestMemory> request);
    ~AnswerMemory();
    AnswerMemory(const AnswerMemory &) = delete;
    AnswerMemory &operator=(const AnswerMemory &) = delete;

    // Reserves at least `need` and up to `wish` bytes, and returns true. If `need` bytes are not
    // available, it returns false, the response waits, and `on_room` is called when they are
    // reserved.
    bool reserve(size_t need, size_t wish);
    std::function<void()> on_room;
    // Reserves `bytes` bytes if they are available now and no response waits for memory.
    [[nodiscard]] bool reserve_at_once(size_t bytes) noexcept;
    // While its client reads nothing, the request lets another one exceed the limit in its place.
    void stand_back(bool stands_back) noexcept { request_->stands_back_ = stands_back; }
    // Call it when the response has ended. Reserved bytes are given back; held bytes stay counted.
    void end() noexcept;

    // Counts bytes as held. They are taken from the reserved bytes first.
    void take(size_t bytes) noexcept;
    void give_back(size_t bytes) noexcept;

    [[nodiscard]] size_t reserved() const { return reserved_; }
    // Whether the response waits for memory.
    [[nodiscard]] bool waits() const { return place_.empty(); }

 private:
    friend class HeldMemory;

    std::shared_ptr<RequestMemory> request_;
    std::list<AnswerMemory *> place_;  // holds its queue node while the response does not wait
    size_t reserved_ = 0;
    size_t wanted_ = 0;  // bytes that it waits for
    bool receiving_ = false;
    bool ended_ = false;
};

}  // namespace gateway
