// The ledger under random use: against a model too simple to be wrong, and with many threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "core/limits/ledger.h"
#include "fake_ports.h"

namespace gateway {
namespace {

constexpr int64_t kNow = 1'800'000'000;

// Counts by going through everything that ever happened.
class Model {
 public:
    bool enter(size_t key, const KeyLimits &limits, int64_t now) {
        if (!limits.any()) {
            return true;
        }
        if (limits.concurrent > 0 && running_[key] >= limits.concurrent) {
            return false;
        }
        if (limits.requests_per_minute > 0 &&
            requests_[{key, now / 60}] >= limits.requests_per_minute) {
            return false;
        }
        ++requests_[{key, now / 60}];
        running_[key] += limits.concurrent > 0 ? 1 : 0;
        return true;
    }
    void leave(size_t key) { --running_[key]; }
    bool reserve(size_t key, const KeyLimits &limits, int64_t count, int64_t now) {
        int64_t &minute = minutes_[{key, now / 60}];
        int64_t &day = days_[{key, now / 86400}];
        if ((limits.images_per_minute > 0 && minute + count > limits.images_per_minute) ||
            (limits.images_per_day > 0 && day + count > limits.images_per_day)) {
            return false;
        }
        minute += count;
        day += count;
        return true;
    }
    void give_back(size_t key, int64_t count, int64_t then) {
        minutes_[{key, then / 60}] -= count;
        days_[{key, then / 86400}] -= count;
    }

 private:
    std::map<std::pair<size_t, int64_t>, int64_t> requests_, minutes_, days_;
    std::map<size_t, int64_t> running_;
};

TEST(LedgerHistory, AgreesWithASimpleModelOverARandomHistory) {
    std::mt19937_64 random(42);
    const auto below = [&](uint64_t bound) { return random() % bound; };
    const std::vector<KeyLimits> keys = {
        {.requests_per_minute = 5},
        {.concurrent = 3},
        {.images_per_minute = 12},
        {.images_per_day = 300},
        {.requests_per_minute = 20,
         .images_per_minute = 20,
         .images_per_day = 400,
         .concurrent = 4},
        {.images_per_minute = 30, .concurrent = 1},
        {.requests_per_minute = 50, .concurrent = 50},
    };
    struct Running {
        size_t key;
        LeaseHandle lease;
        int64_t images;
        Moment reserved_at;
    };
    FakeMemory memory(256 * 1024);
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    Ledger ledger(memory);
    Model model;
    std::vector<Running> running;
    Moment now{kNow, 0};
    size_t admitted = 0;
    size_t refused = 0;
    for (int step = 0; step < 60'000; ++step) {
        const auto pass = static_cast<int64_t>(below(40) == 0 ? below(50'000) : below(400));
        now.milliseconds += pass;
        now.unix_seconds = kNow + now.milliseconds / 1000;
        if (!running.empty() && below(2) == 0) {
            const size_t at = below(running.size());
            const Running done = running[at];
            running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
            const auto back = static_cast<int64_t>(below(static_cast<uint64_t>(done.images) + 1));
            ledger.leave(done.lease);
            if (keys[done.key].concurrent > 0) {
                model.leave(done.key);
            }
            ledger.give_back_images({done.key + 1, 9}, back, done.reserved_at);
            model.give_back(done.key, back, done.reserved_at.unix_seconds);
            continue;
        }
        const size_t key = below(keys.size());
        const Account account{key + 1, 9};
        const auto entered = ledger.enter(account, keys[key], now, 7, 1'000'000'000);
        ASSERT_EQ(entered.has_value(), model.enter(key, keys[key], now.unix_seconds))
            << "step " << step << ", key " << key;
        if (!entered) {
            ++refused;
            continue;
        }
        ++admitted;
        auto images = static_cast<int64_t>(1 + below(5));
        const auto reserved = ledger.reserve_images(account, keys[key], images, now);
        if (keys[key].images_per_minute + keys[key].images_per_day > 0) {
            ASSERT_EQ(reserved.has_value(), model.reserve(key, keys[key], images, now.unix_seconds))
                << "step " << step << ", key " << key;
        } else {
            images = 0;
        }
        running.push_back({key, entered->lease, reserved ? images : 0, now});
    }
    EXPECT_GT(admitted, 5000U);
    EXPECT_GT(refused, 1000U);
    EXPECT_EQ(
        ledger.sweep(now, [](int32_t) { return false; }),
        static_cast<size_t>(std::count_if(running.begin(), running.end(),
                                          [](const Running &r) { return r.lease.number != 0; })));
}

TEST(LedgerHistory, StaysExactUnderManyThreads) {
    constexpr int kThreads = 8;
    constexpr int kRequests = 20'000;
    constexpr int64_t kAllowed = 12'345;
    constexpr int64_t kConcurrent = 5;
    FakeMemory memory(64 * 1024);
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    Ledger ledger(memory);
    const KeyLimits limits{.requests_per_minute = kAllowed, .concurrent = kConcurrent};
    const KeyLimits images{.images_per_day = kAllowed};
    std::atomic<int64_t> admitted{0};
    std::atomic<int64_t> full{0};
    std::atomic<int64_t> reserved{0};
    std::atomic<int64_t> running{0};
    std::atomic<int64_t> most{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
            for (int i = 0; i < kRequests / kThreads; ++i) {
                reserved += ledger.reserve_images({2, 2}, images, 1, {kNow, 0}) ? 1 : 0;
                const auto entered = ledger.enter({1, 1}, limits, {kNow, 0}, thread + 1, 1000);
                if (!entered) {
                    full += entered.error().message.find("concurrent") != std::string::npos ? 1 : 0;
                    continue;
                }
                ++admitted;
                const int64_t now_running = ++running;
                int64_t seen = most;
                while (now_running > seen && !most.compare_exchange_weak(seen, now_running)) {
                }
                --running;
                ledger.leave(entered->lease);
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(reserved, kAllowed);
    EXPECT_LE(admitted, kAllowed);
    EXPECT_EQ(admitted, std::min<int64_t>(kAllowed, kRequests - full));
    EXPECT_LE(most, kConcurrent);
    EXPECT_EQ(ledger.sweep({kNow, 0}, [](int32_t) { return false; }), 0U);
    // What is left is exactly what was not used.
    int64_t left = 0;
    while (const auto entered = ledger.enter({1, 1}, limits, {kNow, 0}, 1, 1000)) {
        ledger.leave(entered->lease);
        ++left;
    }
    EXPECT_EQ(admitted + left, kAllowed);
}

}  // namespace
}  // namespace gateway
