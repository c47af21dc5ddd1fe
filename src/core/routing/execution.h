// Steps 7 and 8: the candidates are asked in their order, until one has made pictures, no other may
// be asked, or the time is up.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"
#include "core/rare.h"
#include "core/routing/plan.h"
#include "core/routing/round.h"

namespace gateway {

// Pictures, and by whom.
struct Made {
    const Candidate *candidate = nullptr;
    std::unique_ptr<Prepared> prepared;
    std::vector<MadeCall> calls;  // that made something, in order
    std::string missing;          // why, if there could be more
};

// Why these images may not be made.
struct Uncovered {
    ApiError error;
    bool only_here = false;  // another model may make them
};

// What it asks of the request that it works for.
class Story {
 public:
    virtual ~Story() = default;
    virtual tl::expected<Prepared, ApiError> prepare(const Candidate &candidate) = 0;
    // May these images be made as well as those that may have been made already?
    virtual tl::expected<void, Uncovered> cover(const Candidate &candidate,
                                                const Prepared &prepared) = 0;
    // One of these is the end, and may come from within start().
    virtual void on_made(Made made) = 0;
    virtual void on_failed(const ApiError &error) = 0;
    virtual void on_too_late() = 0;
};

class Execution {
 public:
    // All of it outlives the execution.
    Execution(const Effort &effort, const Plan &plan, std::string_view model_asked, Story &story);
    ~Execution() = default;
    Execution(const Execution &) = delete;
    Execution &operator=(const Execution &) = delete;

    void start();
    // The deadline.
    void expire();
    // Nobody waits any longer: lets go of what runs, and writes down what it may cost.
    void drop() noexcept;
    // What is shown is wanted no faster just now, or is again.
    void hold(bool held);
    [[nodiscard]] bool running() const { return round_ != nullptr || waiting_ != nullptr; }

 private:
    struct State {
        bool settled = false;  // not to be asked again
        int rounds = 0;
        Milliseconds available{0};  // on the clock, if it is not settled
    };

    void advance();
    [[nodiscard]] bool may_ask(size_t index) const;
    bool start_round();
    bool stop_at(const Uncovered &uncovered);
    [[nodiscard]] bool all_settled() const;
    void on_round_end(RoundEnd end);
    void go_on_after(RoundEnd end);
    bool wait_for_one();
    void fail();
    void fail_shown(const Outcome &outcome);
    void finish_made(RoundEnd end);
    [[nodiscard]] const Candidate &candidate() const { return plan_.candidates[at_]; }

    const Effort &effort_;
    const Plan &plan_;
    std::string_view model_asked_;
    Story &story_;
    Milliseconds began_;
    std::vector<State> states_;  // of the candidates
    size_t at_ = 0;
    std::vector<const Provider *> perhaps_billed_by_;
    std::unique_ptr<Prepared> prepared_;
    std::unique_ptr<Round> round_;
    std::unique_ptr<Round> ended_;  // kept until its callback has returned
    std::unique_ptr<Prepared> ended_prepared_;
    std::unique_ptr<Timer> waiting_;
    Rare<ApiError> misfit_;   // the first candidate that could not take the request
    Rare<ApiError> limited_;  // the first that the caller may not ask so often
    Rare<ApiError> refusal_;  // where others were asked after it
};

}  // namespace gateway
