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

int64_t SlidingMinute::used(int64_t second) {
    advance(second);
    return used_;
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

int64_t SlidingMinute::wait_for(int64_t second, int64_t count, int64_t limit) {
    advance(second);
    int64_t left = used_;
    int64_t seconds = 1;
    for (int64_t oldest = latest_ - kSeconds + 1; oldest <= latest_; ++oldest) {
        if (oldest >= 0) {
            left -= at(oldest);
        }
        seconds = oldest + kSeconds - latest_;
        if (left + count <= limit || left == 0) {
            break;
        }
    }
    return seconds;
}

int64_t SlidingMinute::until_unused(int64_t second) {
    advance(second);
    for (int64_t age = 0; age < kSeconds && used_ > 0; ++age) {
        if (latest_ - age >= 0 && at(latest_ - age) > 0) {
            return kSeconds - age;
        }
    }
    return 0;
}

}  // namespace gateway
