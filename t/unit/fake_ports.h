// Fake ports: time stands still until the test advances it, and nothing happens by itself.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/bytes/held_memory.h"
#include "core/limits/ledger.h"
#include "core/ports.h"
#include "core/routing/attempt_log.h"
#include "fake_images.h"

namespace gateway {

class FakeClock final : public Clock {
 public:
    [[nodiscard]] Milliseconds now() const override { return now_; }
    [[nodiscard]] int64_t unix_seconds() const override {
        return unix_start_ + now_.count() / 1000;
    }
    // The monotonic clock and the one on the wall go together, a minute's start at 0.
    void set(Milliseconds now) { now_ = now; }

 private:
    Milliseconds now_{0};
    int64_t unix_start_ = 1'800'000'000;  // divisible by 60 and by 3600, in the middle of a day
};

// Timers fire while the test advances the clock. An action may destroy its own timer.
class FakeLoop final : public EventLoop {
 public:
    explicit FakeLoop(FakeClock &clock) : clock_(clock) {}

    std::unique_ptr<Timer> start_timer(Milliseconds delay, std::function<void()> action,
                                       TimerKind /*kind*/) override {
        EXPECT_GE(delay, Milliseconds(0));
        auto entry = std::make_shared<Entry>();
        entry->due = clock_.now() + delay;
        entry->action = std::move(action);
        auto handle = std::make_unique<Handle>(entry);
        entries_.push_back(std::move(entry));
        return handle;
    }
    using EventLoop::start_timer;
    std::unique_ptr<Alarm> make_alarm(std::function<void()> action, TimerKind kind) override {
        return std::make_unique<FakeAlarm>(*this, std::move(action), kind);
    }
    [[nodiscard]] std::optional<Milliseconds> time_to_live() const override { return leaving_in; }

    std::optional<Milliseconds> leaving_in;

    void advance(Milliseconds by) {
        const Milliseconds until = clock_.now() + by;
        while (auto entry = take_next(until)) {
            clock_.set(std::max(clock_.now(), entry->due));
            const auto action = std::exchange(entry->action, nullptr);
            action();
        }
        clock_.set(until);
    }

    [[nodiscard]] size_t running() {
        drop_cancelled();
        return entries_.size();
    }

 private:
    struct Entry {
        Milliseconds due{0};
        std::function<void()> action;  // empty: ran, or was let go of
    };
    struct Handle final : Timer {
        explicit Handle(std::shared_ptr<Entry> entry) : entry_(std::move(entry)) {}
        ~Handle() override { entry_->action = nullptr; }
        std::shared_ptr<Entry> entry_;
    };
    struct FakeAlarm final : Alarm {
        FakeAlarm(FakeLoop &loop, std::function<void()> action, TimerKind kind)
            : loop_(loop), action_(std::move(action)), kind_(kind) {}
        void set(Milliseconds delay) noexcept override {
            timer_ = loop_.start_timer(
                delay, [this] { action_(); }, kind_);
        }
        void unset() noexcept override { timer_.reset(); }
        FakeLoop &loop_;
        std::function<void()> action_;
        TimerKind kind_;
        std::unique_ptr<Timer> timer_;
    };

    void drop_cancelled() {
        entries_.remove_if([](const auto &entry) { return entry->action == nullptr; });
    }

    // Of those due at the same time, the one started first.
    std::shared_ptr<Entry> take_next(Milliseconds until) {
        drop_cancelled();
        auto next = entries_.end();
        for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
            if ((*entry)->due <= until &&
                (next == entries_.end() || (*entry)->due < (*next)->due)) {
                next = entry;
            }
        }
        if (next == entries_.end()) {
            return nullptr;
        }
        auto taken = *next;
        entries_.erase(next);
        return taken;
    }

    FakeClock &clock_;
    std::list<std::shared_ptr<Entry>> entries_;
};

class FakeRandom final : public Random {
 public:
    explicit FakeRandom(uint64_t seed = 1) : engine_(seed) {}
    void fill(std::span<uint8_t> bytes) override {
        for (uint8_t &byte : bytes) {
            byte = static_cast<uint8_t>(engine_() >> 24);
        }
    }
    uint64_t below(uint64_t bound) { return engine_() % bound; }

 private:
    std::mt19937_64 engine_;
};

// Runs its tasks when the test says so. A destroyed task still runs, but its callback is not
// called.
class FakeTaskPool final : public TaskPool {
 public:
    std::unique_ptr<Task> run(std::function<void()> work, std::function<void()> done) override {
        if (full) {
            return nullptr;
        }
        auto entry = std::make_shared<Entry>(Entry{std::move(work), std::move(done)});
        auto handle = std::make_unique<Handle>(entry);
        entries_.push_back(std::move(entry));
        return handle;
    }

    size_t run_all() {
        size_t ran = 0;
        for (; !entries_.empty(); ++ran) {
            const auto entry = entries_.front();
            entries_.pop_front();
            entry->work();
            if (const auto done = std::exchange(entry->done, nullptr)) {
                done();
            }
        }
        return ran;
    }
    [[nodiscard]] size_t waiting() const { return entries_.size(); }

    bool full = false;

 private:
    struct Entry {
        std::function<void()> work;
        std::function<void()> done;
    };
    struct Handle final : Task {
        explicit Handle(std::shared_ptr<Entry> entry) : entry_(std::move(entry)) {}
        ~Handle() override { entry_->done = nullptr; }
        std::shared_ptr<Entry> entry_;
    };
    std::deque<std::shared_ptr<Entry>> entries_;
};

// Records what was sent; the test delivers the responses, later.
class FakeUpstream final : public UpstreamClient {
 public:
    enum class State : uint8_t { open, answered, cancelled };
    struct Seen {
        HttpCall call;
        State state = State::open;
        std::function<void(HttpResponse)> on_response;
        bool sent = true;                           // whole
        bool held = false;                          // by whoever listens
        bool delayed = false;                       // by us, so far
        std::function<void(ServerEvent)> on_event;  // where a stream was asked for
        std::function<void(Bytes)> on_piece;        // where an image is taken as it comes
    };

    using UpstreamClient::start;
    std::unique_ptr<UpstreamCall> start(HttpCall call, CallListener listener) override {
        auto seen = std::make_shared<Seen>();
        seen->call = std::move(call);
        seen->on_response = std::move(listener.on_response);
        seen->on_event = std::move(listener.on_event);
        seen->on_piece = std::move(listener.on_piece);
        auto handle = std::make_unique<Handle>(seen);
        calls.push_back(std::move(seen));
        if (on_start) {
            on_start();
        }
        return handle;
    }
    std::function<void()> on_start;

    void send_off(HttpCall call) override { sent_off.push_back(std::move(call)); }

    // A response to the call that was started last.
    void deliver(HttpResponse response) {
        ASSERT_FALSE(calls.empty()) << "nothing was sent";
        deliver(*calls.back(), std::move(response));
    }
    static void deliver(Seen &seen, HttpResponse response) {
        ASSERT_EQ(seen.state, State::open) << "the call is no longer open";
        seen.state = State::answered;
        const auto on_response = std::exchange(seen.on_response, nullptr);
        on_response(std::move(response));
    }

    [[nodiscard]] size_t count(State state) const {
        return static_cast<size_t>(std::count_if(
            calls.begin(), calls.end(), [=](const auto &seen) { return seen->state == state; }));
    }

    std::vector<std::shared_ptr<Seen>> calls;
    std::vector<HttpCall> sent_off;

 private:
    struct Handle final : UpstreamCall {
        explicit Handle(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) {}
        ~Handle() override {
            if (seen_->state == State::open) {
                seen_->state = State::cancelled;
                seen_->on_response = nullptr;
                seen_->on_event = nullptr;
                seen_->on_piece = nullptr;
            }
        }
        [[nodiscard]] bool is_sent() const override { return seen_->sent; }
        [[nodiscard]] bool is_delayed() const override { return seen_->delayed; }
        void hold(bool held) override { seen_->held = held; }
        std::shared_ptr<Seen> seen_;
    };
};

class FakeLog final : public Log {
 public:
    void write(LogLevel level, const std::string &line) override {
        if (keeps) {
            lines.emplace_back(level, line);
        }
    }
    bool keeps = true;
    [[nodiscard]] bool mentions(std::string_view word) const {
        return std::any_of(lines.begin(), lines.end(), [=](const auto &line) {
            return line.second.find(word) != std::string::npos;
        });
    }
    std::vector<std::pair<LogLevel, std::string>> lines;
};

// A region of plain memory. Its lock is a real one, and must not be taken twice by one thread.
class FakeMemory final : public SharedMemory {
 public:
    explicit FakeMemory(size_t size) : words_((size + 7) / 8), size_(size) {
        EXPECT_TRUE(Ledger::prepare_budgets(budgets(), true));
    }
    ~FakeMemory() override { EXPECT_EQ(depth_, 0) << "somebody still holds the lock"; }

    [[nodiscard]] std::span<std::byte> region() const override {
        return {reinterpret_cast<std::byte *>(words_.data()), size_};
    }
    // For what keys have spent.
    [[nodiscard]] std::span<std::byte> budgets() const {
        return {reinterpret_cast<std::byte *>(budgets_.data()), budgets_.size() * sizeof(uint64_t)};
    }
    void lock() noexcept override {
        mutex_.lock();
        EXPECT_EQ(++depth_, 1);
        ++locked;
    }
    void unlock() noexcept override {
        EXPECT_EQ(--depth_, 0);
        mutex_.unlock();
    }

    size_t locked = 0;  // how often

 private:
    mutable std::vector<uint64_t> words_;
    mutable std::vector<uint64_t> budgets_ = std::vector<uint64_t>(size_t{256} * 1024 / 8);
    size_t size_;
    std::recursive_mutex mutex_;  // so that a lock taken twice is a failure and not a hang
    int depth_ = 0;
};

// All of them together.
struct FakeWorld {
    FakeClock clock;
    FakeLoop loop{clock};
    FakeRandom random;
    FakeTaskPool tasks;
    FakeUpstream upstream;
    FakeLog log;
    FakeFetcher fetcher;
    FakeFiles files;
    std::shared_ptr<HeldMemory> memory = HeldMemory::create({});
    AttemptLog attempt_log{log};
    Observer *observers[1] = {&attempt_log};
    Ports ports{clock, loop, random,  tasks,   upstream, fetcher,
                files, log,  *memory, nullptr, observers};
};

}  // namespace gateway
