// The ledger under random use: compared with a simple model, and with many threads.
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
#include "ledger_parties.h"

namespace gateway {
namespace {

// Counts by going through everything that ever happened.
class Model {
 public:
    bool enter(size_t party, const Limits &limits, Moment now) {
        return (limits.concurrent == 0 || running_[party] < limits.concurrent) &&
               (limits.requests_per_minute == 0 ||
                in_minute(requests_[party], now) < limits.requests_per_minute);
    }
    void count(size_t party, const Limits &limits, Moment now) {
        if (limits.any()) {
            requests_[party].push_back({now, 1});
            ++running_[party];
        }
    }
    bool reserve(size_t party, const Limits &limits, int64_t images, Moment now) {
        return (limits.images_per_minute == 0 ||
                in_minute(images_[party], now) + images <= limits.images_per_minute) &&
               (limits.images_per_day == 0 ||
                on_day(images_[party], now) + images <= limits.images_per_day);
    }
    void take(size_t party, int64_t images, Moment now) { images_[party].push_back({now, images}); }
    void leave(size_t party, const Limits &limits, int64_t unused, Moment then) {
        running_[party] -= limits.any() ? 1 : 0;
        for (Event &event : images_[party]) {
            if (event.at.milliseconds == then.milliseconds && event.count >= unused) {
                event.count -= unused;
                return;
            }
        }
        EXPECT_EQ(unused, 0);
    }

 private:
    struct Event {
        Moment at;
        int64_t count;
    };
    static int64_t in_minute(const std::vector<Event> &events, Moment now) {
        int64_t sum = 0;
        for (const Event &event : events) {
            sum += event.at.milliseconds / 1000 > now.milliseconds / 1000 - 61 ? event.count : 0;
        }
        return sum;
    }
    static int64_t on_day(const std::vector<Event> &events, Moment now) {
        int64_t sum = 0;
        for (const Event &event : events) {
            sum += event.at.unix_seconds / 86400 == now.unix_seconds / 86400 ? event.count : 0;
        }
        return sum;
    }
    std::map<size_t, std::vector<Event>> requests_, images_;
    std::map<size_t, int64_t> running_;
};

TEST(LedgerHistory, AgreesWithASimpleModelOverARandomHistory) {
    std::mt19937_64 random(42);
    const auto below = [&](uint64_t bound) { return random() % bound; };
    const std::vector<Limits> keys = {
        {.requests_per_minute = 5},
        {.concurrent = 3},
        {.images_per_minute = 12},
        {.images_per_day = 300},
        {.requests_per_minute = 20,
         .images_per_minute = 20,
         .images_per_day = 400,
         .concurrent = 4},
        {.images_per_minute = 30, .concurrent = 1},
        {},
    };
    const Limits end_user{.requests_per_minute = 4, .images_per_minute = 9, .concurrent = 2};
    struct Running {
        std::vector<PartyShare> shares;
        std::vector<size_t> parties;
        Moment reserved_at;
        int64_t images;
    };
    FakeMemory memory(1024 * 1024);
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    Ledger ledger(memory, memory.budgets());
    Model model;
    std::vector<Running> running;
    Moment now = at(0);
    size_t admitted = 0;
    size_t refused = 0;
    const auto limits_of = [&](size_t party) {
        return party < keys.size() ? keys[party] : end_user;
    };
    for (int step = 0; step < 30'000; ++step) {
        now.milliseconds += static_cast<int64_t>(below(40) == 0 ? below(50'000) : below(400));
        now.unix_seconds = kMidnight + now.milliseconds / 1000;
        if (!running.empty() && below(2) == 0) {
            const size_t which = below(running.size());
            Running done = std::move(running[which]);
            running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
            const auto used = static_cast<int64_t>(below(static_cast<uint64_t>(done.images) + 1));
            ledger.settle(done.shares, used, 0, now);
            for (const size_t party : done.parties) {
                model.leave(party, limits_of(party), done.images - used, done.reserved_at);
            }
            continue;
        }
        const size_t key = below(keys.size());
        std::vector<size_t> parties = {key};
        std::vector<Party> those = {key_party(key, keys[key])};
        if (below(3) == 0) {
            const uint64_t user = below(3);
            parties.push_back(100 + key * 10 + user);
            those.push_back(end_user_party(key, user, end_user));
        }
        auto shares = shares_of(those);
        const auto all = [&](auto test) {
            return std::all_of(parties.begin(), parties.end(), test);
        };
        const bool may = all([&](size_t p) { return model.enter(p, limits_of(p), now); });
        ASSERT_EQ(ledger.enter(shares, now, 7, 1'000'000'000).has_value(), may)
            << "step " << step << ", key " << key;
        if (!may) {
            ++refused;
            continue;
        }
        ++admitted;
        for (const size_t party : parties) {
            model.count(party, limits_of(party), now);
        }
        auto images = static_cast<int64_t>(1 + below(5));
        const bool room =
            all([&](size_t p) { return model.reserve(p, limits_of(p), images, now); });
        ASSERT_EQ(ledger.reserve(shares, images, 0, now).has_value(), room)
            << "step " << step << ", key " << key;
        if (room) {
            for (const size_t party : parties) {
                model.take(party, images, now);
            }
        }
        running.push_back({std::move(shares), parties, now, room ? images : 0});
    }
    EXPECT_GT(admitted, 4000U);
    EXPECT_GT(refused, 1000U);
}

TEST(LedgerHistory, StaysExactUnderManyThreads) {
    constexpr int kThreads = 8;
    constexpr int kRequests = 20'000;
    constexpr int64_t kAllowed = 12'345;
    constexpr int64_t kConcurrent = 5;
    constexpr MicroUsd kPrice = 40'000;
    FakeMemory memory(64 * 1024);
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    Ledger ledger(memory, memory.budgets());
    const std::vector<Budget> budgets = {{kPrice * kAllowed, Period::day}};
    std::atomic<int64_t> admitted{0};
    std::atomic<int64_t> full{0};
    std::atomic<int64_t> reserved{0};
    std::atomic<int64_t> paid{0};
    std::atomic<int64_t> running{0};
    std::atomic<int64_t> max{0};
    const auto count = [&] {
        auto shares =
            shares_of({key_party(1, {.requests_per_minute = kAllowed, .concurrent = kConcurrent})});
        const auto entered = ledger.enter(shares, at(0), 1, 1000);
        if (!entered) {
            full += entered.error().counted.find("concurrent") != std::string::npos ? 1 : 0;
            return;
        }
        ++admitted;
        const int64_t now_running = ++running;
        int64_t seen = max;
        while (now_running > seen && !max.compare_exchange_weak(seen, now_running)) {
        }
        --running;
        ledger.settle(shares, 0, 0, at(0));
    };
    const auto pay = [&] {
        auto shares = shares_of({key_party(3, {}, budgets)});
        if (ledger.enter(shares, at(0), 1, 1000) && ledger.reserve(shares, 1, kPrice, at(0))) {
            ++paid;
            ledger.settle(shares, 1, kPrice, at(0));
        } else {
            ledger.settle(shares, 0, 0, at(0));
        }
    };
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&] {
            for (int i = 0; i < kRequests / kThreads; ++i) {
                auto shares = shares_of({key_party(2, {.images_per_day = kAllowed})});
                reserved += ledger.reserve(shares, 1, 0, at(0)) ? 1 : 0;
                pay();
                count();
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(reserved, kAllowed);
    EXPECT_EQ(paid, kAllowed);
    EXPECT_LE(admitted, kAllowed);
    EXPECT_EQ(admitted, std::min<int64_t>(kAllowed, kRequests - full));
    EXPECT_LE(max, kConcurrent);
    EXPECT_EQ(ledger.sweep(
                  at(0), [](int32_t) { return false; }, [](const Orphaned &) {}),
              0U);
    // What is left is exactly what was not used.
    while (admitted < kAllowed) {
        count();
    }
    auto one_more = shares_of({key_party(1, {.requests_per_minute = kAllowed})});
    EXPECT_FALSE(ledger.enter(one_more, at(0), 1, 1000));
}

}  // namespace
}  // namespace gateway
