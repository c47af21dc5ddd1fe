// What it costs to admit a request and to settle it: for a key and an end user with every kind of
// limit, with a budget, and with four workers' worth of others in the same memory; back to back,
// and between the other work that a request is.
// t/bench/core.py builds it, runs it and knows what it may take.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "core/access/parties.h"
#include "core/limits/claim.h"

namespace gateway {
namespace {

void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

// Shared by threads as the zone is by workers, with a lock that looks again after longer and longer
// spins and then yields, as nginx's does.
class Memory final : public SharedMemory {
 public:
    Memory() {
        Ledger::prepare(region(), true);
        Ledger::prepare_budgets(budgets(), true);
    }
    [[nodiscard]] std::span<std::byte> budgets() const {
        return {reinterpret_cast<std::byte *>(budgets_.data()), budgets_.size() * sizeof(uint64_t)};
    }
    [[nodiscard]] std::span<std::byte> region() const override {
        return {reinterpret_cast<std::byte *>(words_.data()), words_.size() * sizeof(uint64_t)};
    }
    void lock() noexcept override {
        constexpr int kSpins = 2048;
        while (!try_lock()) {
            for (int spins = 1; spins < kSpins; spins *= 2) {
                for (int i = 0; i < spins; ++i) {
                    pause();
                }
                if (try_lock()) {
                    return;
                }
            }
            std::this_thread::yield();
        }
    }
    void unlock() noexcept override { locked_.store(false, std::memory_order_release); }

 private:
    bool try_lock() {
        return !locked_.load(std::memory_order_relaxed) &&
               !locked_.exchange(true, std::memory_order_acquire);
    }

    mutable std::vector<uint64_t> words_ = std::vector<uint64_t>(16 * 1024 * 1024 / 8);
    mutable std::vector<uint64_t> budgets_ = std::vector<uint64_t>(16 * 1024 * 1024 / 8);
    alignas(64) std::atomic<bool> locked_{false};  // a cache line of its own, as nginx's has
};

class StillClock final : public Clock {
 public:
    [[nodiscard]] Milliseconds now() const override { return Milliseconds(1'000'000); }
    [[nodiscard]] int64_t unix_seconds() const override { return 1'800'000'000; }
};

Key make_key(int number, bool all) {
    constexpr int64_t kPlenty = 1'000'000'000;
    Key key;
    key.id = "team-" + std::to_string(number);
    key.account = account_of_key(key.id);
    key.limits.requests_per_minute = kPlenty;
    if (all) {
        key.limits = {kPlenty, kPlenty, kPlenty, kPlenty};
        key.end_user = key.limits;
        key.budgets = {{kPlenty * kPlenty, Period::month}, {kPlenty * kPlenty, Period::day}};
    }
    return key;
}

uint64_t work(uint64_t rounds) {
    uint64_t sum = rounds;
    for (uint64_t i = 0; i < rounds; ++i) {
        benchmark::DoNotOptimize(sum = sum * 6364136223846793005 + 1);
    }
    return sum;
}

// How many rounds of work take about so long: by the fastest of some tries, as others may have
// the processor meanwhile.
uint64_t rounds_in(std::chrono::nanoseconds time) {
    constexpr uint64_t kRounds = 100'000;
    auto fastest = std::chrono::nanoseconds::max();
    for (int i = 0; i < 50; ++i) {
        const auto before = std::chrono::steady_clock::now();
        benchmark::DoNotOptimize(work(kRounds));
        fastest =
            std::min<std::chrono::nanoseconds>(fastest, std::chrono::steady_clock::now() - before);
    }
    return kRounds * static_cast<uint64_t>(time.count()) /
           static_cast<uint64_t>(std::max<int64_t>(1, fastest.count()));
}

struct Load {
    bool all_limits = false;
    bool one_key = false;
    uint64_t work = 0;  // rounds for each request
};

std::vector<Key> make_keys(const Load &load, int thread) {
    std::vector<Key> keys;
    const int first = load.one_key ? 0 : thread * 100;
    for (int i = 0; i < (load.one_key ? 1 : 100); ++i) {
        keys.push_back(make_key(first + i, load.all_limits));
    }
    return keys;
}

void admit_and_settle(benchmark::State &state, const Load &load) {
    static Memory memory;
    static const StillClock clock;
    Ledger ledger(memory, memory.budgets());
    const std::vector<Key> keys = make_keys(load, state.thread_index());
    LedgerAccounts accounts(ledger, clock, state.thread_index() + 1);
    const std::string_view end_user = load.all_limits ? "alice@example.com" : "";
    size_t turn = 0;
    for ([[maybe_unused]] auto each : state) {
        Caller caller;
        caller.key = &keys[++turn % keys.size()];
        Claim claim(accounts);
        bool admitted = true;
        const auto then = [&admitted](const tl::expected<void, Exceeded> &answer) {
            admitted = admitted && answer;
        };
        claim.enter(parties_of(caller, end_user, {}, {}), Milliseconds(590'000), then);
        claim.cover(1, 40'000, then);
        if (!admitted) {
            state.SkipWithError("not admitted");
            return;
        }
        benchmark::DoNotOptimize(work(load.work));
        benchmark::DoNotOptimize(claim.settle(1, 0, 40'000));
        benchmark::DoNotOptimize(claim.quotas());
    }
    // The rate of all threads together: what the time for each iteration of several threads means
    // is not the same in all versions of google-benchmark.
    state.SetItemsProcessed(state.iterations());
}

void OneLimit(benchmark::State &state) {
    admit_and_settle(state, {});
}
BENCHMARK(OneLimit)->ThreadRange(1, 2)->UseRealTime();

void AllLimits(benchmark::State &state) {
    admit_and_settle(state, {.all_limits = true});
}
BENCHMARK(AllLimits)->ThreadRange(1, 2)->UseRealTime();

void AllLimitsOfOneKey(benchmark::State &state) {
    admit_and_settle(state, {.all_limits = true, .one_key = true});
}
BENCHMARK(AllLimitsOfOneKey)->ThreadRange(1, 2)->UseRealTime();

// As much other work for each request as a worker has at least.
uint64_t work_of_a_request() {
    static const uint64_t rounds = rounds_in(std::chrono::microseconds(25));
    return rounds;
}

void AmongWork(benchmark::State &state) {
    admit_and_settle(state, {.all_limits = true, .work = work_of_a_request()});
}
BENCHMARK(AmongWork)->ThreadRange(1, 2)->UseRealTime();

void AmongWorkOfOneKey(benchmark::State &state) {
    admit_and_settle(state, {.all_limits = true, .one_key = true, .work = work_of_a_request()});
}
BENCHMARK(AmongWorkOfOneKey)->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace gateway

BENCHMARK_MAIN();
