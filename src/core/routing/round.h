// All calls for one candidate, which run at the same time, and their common result.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/routing/lane.h"

namespace gateway {

// The result of one call. Its images are in the tray.
struct MadeCall {
    const CallShare *share = nullptr;
    size_t number = 0;
    ImageWords words;
    std::optional<Usage> usage;
    std::optional<int64_t> cost;  // in millionths of a dollar, if the provider says it
    size_t left_out = 0;          // images beyond the requested ones
    std::unique_ptr<RawExchange> raw;
};

struct RoundEnd {
    Outcome outcome;                   // the outcome that decides; without images
    std::vector<MadeCall> made;        // in order; not empty if `outcome` is made
    std::optional<Hindered> hindered;  // why no call could start
    std::string missing;               // why some calls made no image; empty: all did
    bool may_be_billed = false;        // for images that were not made
    bool shown = false;                // the tray's listener got a part of it
};

class Round {
 public:
    // All arguments but `on_end` must outlive the round.
    Round(const AttemptContext &context, const Candidate &candidate, const Prepared &prepared,
          std::function<void(RoundEnd &&)> on_end);
    ~Round() = default;
    Round(const Round &) = delete;
    Round &operator=(const Round &) = delete;

    // Returns the end if no call could start. Otherwise `on_end` is called later.
    std::optional<RoundEnd> start();
    // Goes on with the jobs of another process. The calls without one are lost. The same as
    // start(). `taken` must outlive the round.
    std::optional<RoundEnd> resume(const std::vector<TakenCall> &taken);
    // The jobs go on: another process polls them.
    void leave_jobs() noexcept;
    // The deadline has passed: ends all calls and returns what was made until now.
    RoundEnd expire();
    // Cancels all calls because nobody waits for them.
    void drop() noexcept;
    // Pauses or resumes the provider's responses.
    void hold(bool held);

 private:
    void advance();
    void on_lane_end();
    bool wait_for_the_rest();
    void go_on();
    void end_if_all_have();
    void announce_images();
    [[nodiscard]] size_t running() const;
    [[nodiscard]] bool may_start_more() const;
    RoundEnd take_end();

    const AttemptContext &context_;
    Target target_;
    std::function<void(RoundEnd &&)> on_end_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    size_t next_ = 0;  // index of the first lane that has not started
    std::optional<Hindered> hindered_;
    std::unique_ptr<Timer> waiting_;
};

}  // namespace gateway
