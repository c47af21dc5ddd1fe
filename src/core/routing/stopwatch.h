// How long something was in progress, if several of it may be at the same time: that time counts
// once.
#pragma once

#include <chrono>

namespace gateway {

class Stopwatch {
 public:
    void begin(std::chrono::milliseconds now) noexcept {
        if (running_++ == 0) {
            began_ = now;
        }
    }
    void end(std::chrono::milliseconds now) noexcept {
        if (--running_ == 0) {
            past_ += now - began_;
        }
    }
    [[nodiscard]] std::chrono::milliseconds at(std::chrono::milliseconds now) const noexcept {
        return past_ + (running_ > 0 ? now - began_ : std::chrono::milliseconds(0));
    }

 private:
    int running_ = 0;
    std::chrono::milliseconds began_{0};
    std::chrono::milliseconds past_{0};
};

}  // namespace gateway
