// What was used in the last sixty seconds, by the second. Plain data, for shared memory; all zero
// when it is new.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gateway {

class SlidingMinute {
 public:
    // Seconds of a clock that never goes back. Workers see it a little apart: a moment before the
    // latest counts as the latest.
    [[nodiscard]] int64_t used(int64_t second) const;
    void add(int64_t second, int64_t count);
    // What was added at `then` and not used; nothing, if it no longer counts.
    void give_back(int64_t then, int64_t count);

    // Seconds from now until `count` more would stay within `limit`; at least 1. With `count` above
    // `limit` that is never, and what is told is when nothing is used.
    [[nodiscard]] int64_t wait_for(int64_t second, int64_t count, int64_t limit) const;
    // Seconds until nothing is used, if nobody comes; 0 if nothing is.
    [[nodiscard]] int64_t until_unused(int64_t second) const;

 private:
    // The second that has begun, and the sixty before it: of any sixty seconds, begun when you
    // will, all are among them.
    static constexpr int64_t kSeconds = 61;

    void advance(int64_t second);
    uint32_t &at(int64_t second) { return counts_[static_cast<size_t>(second % kSeconds)]; }
    // In that second, as seen in `now`; nothing if it is out of sight.
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
