// A making whose provider works on jobs, as another process needs it to go on with the making.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/bytes/sha256.h"
#include "core/limits/account.h"
#include "core/outcome.h"
#include "core/routing/expense.h"
#include "core/routing/history.h"

namespace gateway {

// A call that the provider has taken as a job.
struct TakenCall {
    size_t number = 0;            // of the call
    Account key{};                // of the provider key that was used
    std::optional<int64_t> seed;  // that was sent
    Sha256 prompt{};              // the hash of the prompt that was sent
    Job job;
};

struct Resumption {
    std::vector<TakenCall> calls;
    History history;  // of the attempts that have ended
    Expense::Before before;
};

// Hears of the calls of a making.
class CallWatcher {
 public:
    virtual ~CallWatcher() = default;
    // A call is about to be sent. If this throws, it is not.
    virtual void on_call(const Candidate &candidate) = 0;
    // The provider has taken a call as a job.
    virtual void on_job(TakenCall call) = 0;
    // It has ended, and made nothing.
    virtual void on_job_end(size_t number) = 0;
};

}  // namespace gateway
