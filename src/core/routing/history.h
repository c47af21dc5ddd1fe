// What was tried for one request: values, which outlive the request that they are about.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/limits/health.h"
#include "core/outcome.h"
#include "core/routing/model_map.h"

namespace gateway {

// One attempt.
struct AttemptRecord {
    std::string provider;
    std::string model;
    OutcomeType outcome = OutcomeType::unknown;
    int status = 0;
    std::string code;
    std::string message;          // why it is not known how it ended
    int64_t latency = 0;          // milliseconds
    int64_t images = 0;           // made; or perhaps made, and billed
    bool may_be_billed = false;   // although there is no image
    std::optional<int64_t> cost;  // it was billed, says the provider; in millionths of a dollar
    std::optional<size_t> call;   // which one, of several that are made for one request
};

// A candidate that was not asked, and why.
struct SkipRecord {
    std::string provider;
    std::string model;
    Hindrance by = Hindrance::busy;
};

class History {
 public:
    // All or nothing. `outcome` is free of secrets.
    const AttemptRecord &add(const Candidate &candidate, const Outcome &outcome,
                             AttemptRecord record, Milliseconds now);
    void skip(const Candidate &candidate, Hindered hindered, Milliseconds now);
    // Images of a call that is under way, or that were made and are not accounted for: until
    // somebody says what became of them they count as lost.
    void risk(int64_t more) noexcept { images_at_risk_ += more; }
    // All that were made are accounted for.
    void take_home() noexcept { images_at_risk_ = 0; }
    // An attempt that ran when nobody waited for it any longer.
    void drop(const Candidate &candidate, Milliseconds ran, int64_t perhaps_made) noexcept;
    // Images that were counted as lost, and are none.
    void redeem(int64_t images) { images_lost_ -= images; }

    [[nodiscard]] const std::vector<AttemptRecord> &attempts() const { return attempts_; }
    [[nodiscard]] const std::vector<SkipRecord> &skipped() const { return skipped_; }
    [[nodiscard]] bool is_empty() const { return attempts_.empty() && skipped_.empty(); }
    // On the clock: when the first of those that asked for a pause may be asked again.
    [[nodiscard]] std::optional<Milliseconds> first_available() const { return first_available_; }
    [[nodiscard]] Milliseconds upstream_time() const { return upstream_time_; }
    // Images that were or may have been billed and are not part of a success.
    [[nodiscard]] int64_t images_lost() const { return images_lost_ + images_at_risk_; }
    // What providers say they bill, although they made nothing.
    [[nodiscard]] int64_t told_cost() const;
    // A provider may be at work still, or it is known that none is.
    [[nodiscard]] bool may_still_be_working() const;

 private:
    void note_wait(std::optional<Milliseconds> wait, Milliseconds now);

    std::vector<AttemptRecord> attempts_;
    std::vector<SkipRecord> skipped_;
    std::optional<Milliseconds> first_available_;
    Milliseconds upstream_time_{0};
    int64_t images_lost_ = 0;
    int64_t images_at_risk_ = 0;
};

}  // namespace gateway
