// A count of one minute in shared memory. It is changed without a lock: the number holds its
// minute, so that whoever counts in a later one starts it anew. All zero is a count of nothing.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace gateway {

class MinuteCount {
 public:
    void add(int64_t minute, uint64_t count) noexcept {
        const uint64_t tag = tag_of(minute);
        std::atomic_ref<uint64_t> value(value_);
        uint64_t old = value.load(std::memory_order_relaxed);
        uint64_t now = 0;
        do {
            const uint64_t before = (old & ~kMax) == tag ? old & kMax : 0;
            now = tag | std::min(kMax, before + std::min(kMax, count));
        } while (!value.compare_exchange_weak(old, now, std::memory_order_relaxed));
    }
    [[nodiscard]] uint64_t of(int64_t minute) const noexcept {
        const uint64_t value = std::atomic_ref<uint64_t>(value_).load(std::memory_order_relaxed);
        return (value & ~kMax) == tag_of(minute) ? value & kMax : 0;
    }

 private:
    static constexpr unsigned kCountBits = 40;
    static constexpr uint64_t kMax = (uint64_t{1} << kCountBits) - 1;

    // 24 bits are enough for 31 years. Never all zero.
    static uint64_t tag_of(int64_t minute) {
        const uint64_t number = static_cast<uint64_t>(minute) & 0xFFFFFF;
        return (number == 0 ? 0xFFFFFF : number) << kCountBits;
    }

    mutable uint64_t value_ = 0;  // read as atomics are: not as const
};

}  // namespace gateway
