// Steps 7 and 8: tries the candidates in order until one has made images, until no other may be
// tried, or until the deadline.
//
//   advance --> try_candidate --> (funds cover it) --> round --> decide --+--> end
//      ^------------- next candidate, or the same after a pause ----------+
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"
#include "core/rare.h"
#include "core/routing/funds.h"
#include "core/routing/plan.h"
#include "core/routing/round.h"

namespace gateway {

// The candidate that made images. The images are in the tray.
struct Made {
    const Candidate *candidate = nullptr;
    const Prepared *prepared = nullptr;
    std::vector<MadeCall> calls;  // those that made images, in order
    std::string missing;          // why images are missing; empty: none are
};

using ExecutionEnd = tl::expected<Made, ApiError>;

class Execution {
 public:
    // All arguments must outlive the execution. `on_end` is called once, perhaps within start().
    Execution(const AttemptContext &context, Plan &plan, const Preparation &preparation,
              Funds &funds, std::function<void(ExecutionEnd)> on_end);
    ~Execution() = default;
    Execution(const Execution &) = delete;
    Execution &operator=(const Execution &) = delete;

    void start();
    // Goes on with the jobs of another process instead. The plan has only their candidate. `taken`
    // must outlive the execution.
    void resume(const std::vector<TakenCall> &taken);
    // The jobs go on: another process polls them.
    void leave_jobs() noexcept;
    // Ends the execution at the deadline.
    void expire();
    // Cancels what is in progress because nobody waits for it. Records what it may cost.
    void drop() noexcept;
    // Pauses or resumes the provider's responses.
    void hold(bool held);
    [[nodiscard]] bool running() const { return round_ != nullptr || waiting_ != nullptr; }

 private:
    struct State {
        bool finished = false;  // not to be tried again
        bool is_busy = false;   // the last time, its calls or the memory were all in use
        int rounds = 0;
        Milliseconds available{0};  // when it may be tried again, if it is not finished
    };

    void advance();
    [[nodiscard]] bool may_ask(size_t index) const;
    bool try_candidate();
    bool on_covered(const Funds::Covered &covered);
    bool pass_over(const Uncovered &uncovered);
    [[nodiscard]] bool all_finished() const;
    void on_round_end(RoundEnd &&end);
    void go_on_after(const RoundEnd &end);
    bool wait_for_one();
    void fail();
    void fail_shown(const Outcome &outcome);
    void end(ExecutionEnd end);
    void end_made(RoundEnd &&end);
    [[nodiscard]] const Candidate &candidate() const { return plan_.candidates[at_]; }
    [[nodiscard]] const Prepared &prepared() { return *plan_.prepared(at_, preparation_); }

    const AttemptContext &context_;
    Plan &plan_;
    const Preparation &preparation_;
    Funds &funds_;
    std::function<void(ExecutionEnd)> on_end_;
    Milliseconds began_;
    std::vector<State> states_;  // one for each candidate
    size_t at_ = 0;
    std::vector<const Provider *> perhaps_billed_by_;
    std::unique_ptr<Round> round_;
    std::unique_ptr<Round> ended_;  // kept until its callback has returned
    std::unique_ptr<Timer> waiting_;
    bool covering_ = false;      // within funds_.cover()
    std::optional<bool> going_;  // the result, if the funds answered within cover()
    Rare<ApiError> misfit_;      // of the first candidate that the request does not fit
    Rare<ApiError> limited_;     // of the first candidate that a limit of the caller excluded
    Rare<ApiError> refusal_;     // a refusal by policy after which other candidates were tried
};

}  // namespace gateway
