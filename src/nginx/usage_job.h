// One job at the state file, on a thread of the task pool: it restores what was used before, writes
// a group of records, deletes what is old, or writes the file anew.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/access/key_ring.h"
#include "core/limits/ledger.h"
#include "core/ports.h"
#include "state/state_keeper.h"
#include "state/usage_batch.h"

namespace gateway {

using KeyRings = std::vector<std::shared_ptr<const KeyRing>>;

// The ledger's memory, for threads that may outlive the worker's own Ledger.
struct LedgerMemory {
    std::shared_ptr<SharedMemory> memory;
    std::span<std::byte> budgets;
};

// What jobs use, one job at a time.
struct UsageFile {
    UsageFile(std::string path, LedgerMemory its_ledger)
        : keeper(std::move(path)), ledger(std::move(its_ledger)) {}
    std::mutex mutex;
    StateKeeper keeper;
    LedgerMemory ledger;
};

class UsageJob {
 public:
    UsageBatch batch;
    std::vector<KeySpending> sums;   // of the keys that the batch says have spent
    uint64_t memory = 0;             // the number of their budget memory
    StateKeeper::Expected expected;  // of the file
    Moment now;
    std::optional<int64_t> keep_seconds;       // deletes what is older; nothing: deletes nothing
    bool restores = false;                     // adds to the ledger what was used before
    KeyRings keys;                             // in use; only if it restores
    std::optional<StateKeeper::Found> damage;  // that a check has found; only if it rebuilds
    bool rebuilds = false;                     // writes the file anew from the ledger

    // The results.
    bool written = false;
    bool restored = false;
    size_t sums_without_room = 0;  // of what was used before, which were not restored
    bool has_more_to_delete = false;
    StateProblem problem;  // empty: none
    std::string note;      // for the log; empty: nothing

    void run(UsageFile &file);
    // For a worker that starts, before its event loop. False if the job has not ended by then.
    bool wait_for_end(std::chrono::steady_clock::time_point until);

 private:
    void work(UsageFile &file);
    tl::expected<StateFile *, StateProblem> open(UsageFile &file);
    tl::expected<void, StateProblem> work(StateFile &file, const LedgerMemory &ledger);

    std::mutex end_mutex_;
    std::condition_variable end_condition_;
    bool has_ended_ = false;
};

}  // namespace gateway
