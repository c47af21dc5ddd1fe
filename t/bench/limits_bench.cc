// What it costs to admit a request and to settle it: for a key and an end user with every kind of
// limit, with a budget, and with four workers' worth of others in the same memory.
// t/bench/core.py builds it, runs it and knows what it may take.
#include <benchmark/benchmark.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "core/access/parties.h"
#include "core/limits/claim.h"

namespace gateway {
namespace {

// Shared by threads as the zone is by workers, with a lock that spins and then yields, as nginx's
// does.
class Memory final : public SharedMemory {
 public:
    Memory() { Ledger::prepare(region(), true); }
    [[nodiscard]] std::span<std::byte> region() const override {
        return {reinterpret_cast<std::byte *>(words_.data()), words_.size() * sizeof(uint64_t)};
    }
    void lock() noexcept override {
        constexpr int kSpins = 2048;
        for (int i = 0; locked_.exchange(true, std::memory_order_acquire); ++i) {
            if (i >= kSpins) {
                std::this_thread::yield();
            }
        }
    }
    void unlock() noexcept override { locked_.store(false, std::memory_order_release); }

 private:
    mutable std::vector<uint64_t> words_ = std::vector<uint64_t>(16 * 1024 * 1024 / 8);
    std::atomic<bool> locked_{false};
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

void admit_and_settle(benchmark::State &state, bool all, bool one_key) {
    static Memory memory;
    static const StillClock clock;
    Ledger ledger(memory);
    const int first = one_key ? 0 : state.thread_index() * 100;
    std::vector<Key> keys;
    for (int i = 0; i < (one_key ? 1 : 100); ++i) {
        keys.push_back(make_key(first + i, all));
    }
    RequestHead head;
    head.on_behalf_of = all ? "alice@example.com" : "";
    size_t turn = 0;
    for ([[maybe_unused]] auto each : state) {
        Caller caller;
        caller.key = &keys[++turn % keys.size()];
        Claim claim(ledger, clock, state.thread_index() + 1);
        const bool admitted = claim.enter(parties_of(caller, head, {}), Milliseconds(590'000)) &&
                              claim.cover(1, 40'000);
        if (!admitted) {
            state.SkipWithError("not admitted");
            return;
        }
        benchmark::DoNotOptimize(claim.settle(1, 0, 40'000));
        benchmark::DoNotOptimize(claim.quotas());
    }
}

void OneLimit(benchmark::State &state) {
    admit_and_settle(state, false, false);
}
BENCHMARK(OneLimit)->ThreadRange(1, 2)->UseRealTime();

void AllLimits(benchmark::State &state) {
    admit_and_settle(state, true, false);
}
BENCHMARK(AllLimits)->ThreadRange(1, 2)->UseRealTime();

void AllLimitsOfOneKey(benchmark::State &state) {
    admit_and_settle(state, true, true);
}
BENCHMARK(AllLimitsOfOneKey)->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace gateway

BENCHMARK_MAIN();
