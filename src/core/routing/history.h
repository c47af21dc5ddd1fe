// What was tried for one request. Holds only values, so it can outlive the request.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/limits/health.h"
#include "core/outcome.h"
#include "core/routing/model_map.h"
#include "core/routing/stopwatch.h"

namespace gateway {

struct AttemptRecord {
    std::string provider;
    std::string model;
    OutcomeType outcome = OutcomeType::unknown;
    int status = 0;
    std::string code;
    std::string message;          // why it ended as unknown
    int64_t latency = 0;          // milliseconds
    int64_t images = 0;           // made, or perhaps made and billed
    bool may_be_billed = false;   // although it returned no image
    std::optional<int64_t> cost;  // that the provider says it billed; in millionths of a dollar
    std::optional<size_t> call;   // its number, if the request needs several calls
};

// A candidate that was not tried, and why.
struct SkipRecord {
    std::string provider;
    std::string model;
    Hindrance by = Hindrance::busy;
};

class History {
 public:
    History() = default;
    // What was written down before, of a request that has ended.
    History(std::vector<AttemptRecord> attempts, std::vector<SkipRecord> skipped,
            int64_t images_lost = 0)
        : attempts_(std::move(attempts)), skipped_(std::move(skipped)), images_lost_(images_lost) {}

    // Changes nothing if it throws. `outcome` must not contain secrets.
    const AttemptRecord &add(const Candidate &candidate, const Outcome &outcome,
                             AttemptRecord record, Milliseconds now);
    void skip(const Candidate &candidate, Hindered hindered, Milliseconds now);
    // Changes the number of images at risk: images of a call in progress, and images that were made
    // but are not accounted for yet. They count as lost until they are accounted for.
    void risk(int64_t more) noexcept { images_at_risk_ += more; }
    // All images that were made are accounted for.
    void take_home() noexcept { images_at_risk_ = 0; }
    // Records an attempt that was cancelled because nobody waited for it.
    // Null if there is no memory for the record.
    const AttemptRecord *drop(const Candidate &candidate, Milliseconds ran,
                              int64_t perhaps_made) noexcept;
    // Records that a worker that has died may have asked it. What that cost counts as spent by the
    // dead one.
    void lose(const Candidate &candidate);
    // Subtracts images that counted as lost until a repeated call returned them.
    void redeem(int64_t images) { images_lost_ -= images; }

    [[nodiscard]] const std::vector<AttemptRecord> &attempts() const { return attempts_; }
    [[nodiscard]] const std::vector<SkipRecord> &skipped() const { return skipped_; }
    [[nodiscard]] bool is_empty() const { return attempts_.empty() && skipped_.empty(); }
    // When the first candidate that must pause may be tried again, as a time of the clock.
    [[nodiscard]] std::optional<Milliseconds> first_available() const { return first_available_; }
    [[nodiscard]] Milliseconds upstream_time() const { return upstream_time_; }
    // When calls were in progress, and when the request paused between them.
    [[nodiscard]] Stopwatch &calls() { return calls_; }
    [[nodiscard]] Stopwatch &pauses() { return pauses_; }
    [[nodiscard]] const Stopwatch &calls() const { return calls_; }
    [[nodiscard]] const Stopwatch &pauses() const { return pauses_; }
    // Images that were or may have been billed and do not belong to a successful attempt.
    [[nodiscard]] int64_t images_lost() const { return images_lost_ + images_at_risk_; }
    // The same without those at risk.
    [[nodiscard]] int64_t images_recorded_lost() const { return images_lost_; }
    // What providers say they billed although they made no image.
    [[nodiscard]] int64_t told_cost() const;
    // True if a provider may still be working. False if certainly none is.
    [[nodiscard]] bool may_still_be_working() const;

 private:
    void note_wait(std::optional<Milliseconds> wait, Milliseconds now);

    std::vector<AttemptRecord> attempts_;
    std::vector<SkipRecord> skipped_;
    std::optional<Milliseconds> first_available_;
    Milliseconds upstream_time_{0};
    Stopwatch calls_;
    Stopwatch pauses_;
    int64_t images_lost_ = 0;
    int64_t images_at_risk_ = 0;
};

}  // namespace gateway
