// Counts what was used in the last sixty seconds, by the second. Plain data for shared memory; a
// new one is all zero.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gateway {

class SlidingMinute {
 public:
    // Seconds are of a monotonic clock. Workers read it at slightly different times: a second
    // before the latest one counts as the latest.
    [[nodiscard]] int64_t used(int64_t second) const;
    void add(int64_t second, int64_t count);
    // Gives back what was added at `then` and not used. No effect if it does not count any more.
    void give_back(int64_t then, int64_t count);

    // Seconds until `count` more would stay within `limit`; at least 1. If `count` is above
    // `limit`, seconds until nothing is used.
    [[nodiscard]] int64_t wait_for(int64_t second, int64_t count, int64_t limit) const;
    // Seconds until nothing is used if nothing is added; 0 if nothing is used now.
    [[nodiscard]] int64_t until_unused(int64_t second) const;

 private:
    // The current second and the sixty before it: they contain any sixty seconds, wherever these
    // begin.
    static constexpr int64_t kSeconds = 61;

    void advance(int64_t second);
    uint32_t &at(int64_t second) { return counts_[static_cast<size_t>(second % kSeconds)]; }
    // The count of that second, if it is within the last minute as of `now`; else 0.
    [[nodiscard]] uint32_t seen(int64_t second, int64_t now) const {
        return second < 0 || second > latest_ || now - second >= kSeconds
                   ? 0
                   : counts_[static_cast<size_t>(second % kSeconds)];
    }

    int64_t latest_ = 0;
    int64_t used_ = 0;
    uint32_t counts_[kSeconds] = {};
    uint32_t unused_ = 0;
};

}  // namespace gateway
