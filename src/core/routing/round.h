// All calls that one candidate is asked with, side by side, and what came of them together.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/routing/lane.h"

namespace gateway {

// What one of the calls made, besides its images, which lie in the tray.
struct MadeCall {
    const CallShare *share = nullptr;
    size_t number = 0;
    ImageWords words;
    std::optional<Usage> usage;
    std::optional<int64_t> cost;  // in millionths of a dollar, where the provider tells it
    size_t left_out = 0;          // images beyond those that were asked for
    std::unique_ptr<RawExchange> raw;
};

struct RoundEnd {
    Outcome outcome;                   // the one that decides; without images
    std::vector<MadeCall> made;        // in order; not empty if `outcome` is made
    std::optional<Hindered> hindered;  // nothing was asked: why
    std::string missing;               // why, if some of the calls made nothing
    bool may_be_billed = false;        // for more than was made
    bool shown = false;                // something of it was given to the tray's listener
};

class Round {
 public:
    // All but `on_end` outlives it.
    Round(const AttemptContext &context, const Candidate &candidate, const Prepared &prepared,
          std::function<void(RoundEnd)> on_end);
    ~Round() = default;
    Round(const Round &) = delete;
    Round &operator=(const Round &) = delete;

    // Its end, if nothing could be asked at all; else `on_end` is called, later.
    std::optional<RoundEnd> start();
    // The time is up: what is there by now.
    RoundEnd expire();
    // Nobody waits any longer.
    void drop() noexcept;
    // Pauses or resumes what arrives from the provider.
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
    std::function<void(RoundEnd)> on_end_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    size_t next_ = 0;  // the first that has not started
    std::optional<Hindered> hindered_;
    std::unique_ptr<Timer> waiting_;
};

}  // namespace gateway
