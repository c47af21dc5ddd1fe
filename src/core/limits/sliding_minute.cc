#include "core/limits/sliding_minute.h"

#include <algorithm>
#include <type_traits>

namespace gateway {

static_assert(std::is_trivially_copyable_v<SlidingMinute>);

void SlidingMinute::advance(int64_t second) {
    if (second <= latest_) {
        return;
    }
    if (used_ == 0 || second - latest_ >= kSeconds) {
        std::fill_n(counts_, kSeconds, 0);
        used_ = 0;
        latest_ = second;
        return;
    }
    while (latest_ < second) {
        uint32_t &gone = at(++latest_);
        used_ -= gone;
        gone = 0;
    }
}

int64_t SlidingMinute::used(int64_t second) const {
    if (second - latest_ >= kSeconds) {
        return 0;
    }
    int64_t left = used_;
    for (int64_t later = latest_ + 1; later <= second && left > 0; ++later) {
        left -= counts_[static_cast<size_t>(later % kSeconds)];  // gone by then
    }
    return left;
}

void SlidingMinute::add(int64_t second, int64_t count) {
    advance(second);
    at(latest_) += static_cast<uint32_t>(count);
    used_ += count;
}

void SlidingMinute::give_back(int64_t then, int64_t count) {
    if (then > latest_) {
        then = latest_;
    }
    if (then < 0 || latest_ - then >= kSeconds) {
        return;
    }
    uint32_t &counted = at(then);
    const auto back = std::min<int64_t>(count, counted);
    counted -= static_cast<uint32_t>(back);
    used_ -= back;
}

int64_t SlidingMinute::wait_for(int64_t second, int64_t count, int64_t limit) const {
    const int64_t now = std::max(second, latest_);
    int64_t left = used(now);
    int64_t seconds = 1;
    for (int64_t oldest = now - kSeconds + 1; oldest <= now; ++oldest) {
        left -= seen(oldest, now);
        seconds = oldest + kSeconds - now;
        if (left + count <= limit || left == 0) {
            break;
        }
    }
    return seconds;
}

int64_t SlidingMinute::until_unused(int64_t second) const {
    const int64_t now = std::max(second, latest_);
    for (int64_t age = 0; age < kSeconds && used_ > 0; ++age) {
        if (seen(now - age, now) > 0) {
            return kSeconds - age;
        }
    }
    return 0;
}

}  // namespace gateway
