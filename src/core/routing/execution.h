// Steps 7 and 8: the candidates are asked in their order, until one has made images, no other may
// be asked, or the time is up.
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

// The images of a candidate, which lie in the tray.
struct Made {
    const Candidate *candidate = nullptr;
    const Prepared *prepared = nullptr;
    std::vector<MadeCall> calls;  // that made something, in order
    std::string missing;          // why, if there could be more
};

using ExecutionEnd = tl::expected<Made, ApiError>;

class Execution {
 public:
    // All of it outlives the execution. `on_end` is called once, perhaps from within start().
    Execution(const AttemptContext &context, Plan &plan, const Preparation &preparation,
              Funds &funds, std::function<void(ExecutionEnd)> on_end);
    ~Execution() = default;
    Execution(const Execution &) = delete;
    Execution &operator=(const Execution &) = delete;

    void start();
    // The deadline: ends.
    void expire();
    // Nobody waits any longer: lets go of what runs, and writes down what it may cost.
    void drop() noexcept;
    // Pauses or resumes what arrives from the provider.
    void hold(bool held);
    [[nodiscard]] bool running() const { return round_ != nullptr || waiting_ != nullptr; }

 private:
    struct State {
        bool finished = false;  // not to be asked again
        int rounds = 0;
        Milliseconds available{0};  // on the clock, if it is not finished
    };

    void advance();
    [[nodiscard]] bool may_ask(size_t index) const;
    bool try_candidate();
    bool on_covered(const Funds::Covered &covered);
    bool pass_over(const Uncovered &uncovered);
    [[nodiscard]] bool all_finished() const;
    void on_round_end(RoundEnd end);
    void go_on_after(const RoundEnd &end);
    bool wait_for_one();
    void fail();
    void fail_shown(const Outcome &outcome);
    void end(ExecutionEnd end);
    void end_made(RoundEnd end);
    [[nodiscard]] const Candidate &candidate() const { return plan_.candidates[at_]; }
    [[nodiscard]] const Prepared &prepared() { return *plan_.prepared(at_, preparation_); }

    const AttemptContext &context_;
    Plan &plan_;
    const Preparation &preparation_;
    Funds &funds_;
    std::function<void(ExecutionEnd)> on_end_;
    Milliseconds began_;
    std::vector<State> states_;  // of the candidates
    size_t at_ = 0;
    std::vector<const Provider *> perhaps_billed_by_;
    std::unique_ptr<Round> round_;
    std::unique_ptr<Round> ended_;  // kept until its callback has returned
    std::unique_ptr<Timer> waiting_;
    bool covering_ = false;      // the funds have been asked, and have not answered
    std::optional<bool> going_;  // what became of that, if they answered at once
    Rare<ApiError> misfit_;      // the first candidate that could not take the request
    Rare<ApiError> limited_;     // the first that the caller may not ask so often
    Rare<ApiError> refusal_;     // where others were asked after it
};

}  // namespace gateway
