// A circuit breaker, as plain data: it admits calls until too many fail, then none for a while,
// then one as a probe. All zero is a closed breaker without history.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace gateway {

struct BreakerRules {
    int failures = 5;    // in a row; 0: there is no breaker
    int rate = 50;       // or so many percent of the calls in the window
    int min_calls = 20;  // … if there were so many
    std::chrono::milliseconds window{30'000};
    std::chrono::milliseconds open{15'000};

    [[nodiscard]] bool off() const { return failures == 0; }
};

// What a call's result says about its provider. Policy refusals and callers' mistakes say nothing.
enum class Verdict : uint8_t { nothing, success, failure };

class Breaker {
 public:
    // Given to an admitted call: 0, or the number of the probe that it is.
    using Pass = uint32_t;

    // Nothing if the call is not admitted. A probe without a result counts as failed after
    // `patience`.
    std::optional<Pass> enter(const BreakerRules &rules, int64_t now, int64_t patience);
    void leave(const BreakerRules &rules, int64_t now, Pass pass, Verdict verdict);

    [[nodiscard]] bool is_open() const { return open_until_ != 0; }
    // Whether it is open, but lets a probe through or waits for its result.
    [[nodiscard]] bool is_half_open(int64_t now) const { return is_open() && now >= open_until_; }
    // How long until a call may be admitted again; 0: now.
    [[nodiscard]] int64_t wait(int64_t now) const;
    // Whether a new breaker would behave in the same way.
    [[nodiscard]] bool is_like_new(const BreakerRules &rules, int64_t now) const;

 private:
    struct Bucket {
        int64_t number = 0;  // which slice of time
        uint32_t calls = 0;
        uint32_t failures = 0;
    };
    static constexpr int64_t kBuckets = 6;

    void count(const BreakerRules &rules, int64_t now, bool failed);
    [[nodiscard]] bool fails_too_often(const BreakerRules &rules, int64_t now) const;
    void open(const BreakerRules &rules, int64_t now);
    void close();

    std::array<Bucket, kBuckets> buckets_{};
    int64_t last_failure_ = 0;
    int64_t open_until_ = 0;   // 0: closed
    int64_t probe_until_ = 0;  // 0: no probe is under way
    uint32_t probes_ = 0;      // so far; the last one's number
    uint32_t failures_in_a_row_ = 0;
};

}  // namespace gateway
