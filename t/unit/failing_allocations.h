// Makes one allocation fail: the n-th while a window is open.
#pragma once

#include <cstdint>

namespace gateway {

class FailingAllocations {
 public:
    // 0: none fails.
    explicit FailingAllocations(int64_t number) : left_(number) {}
    FailingAllocations(const FailingAllocations &) = delete;
    FailingAllocations &operator=(const FailingAllocations &) = delete;
    ~FailingAllocations() = default;

    [[nodiscard]] bool has_failed() const { return failed_; }
    // How many there were while a window was open.
    [[nodiscard]] int64_t count() const { return count_; }

    // While one lives, allocations of this thread are counted, and the one whose turn it is fails.
    class Window {
     public:
        explicit Window(FailingAllocations &allocations);
        ~Window();
        Window(const Window &) = delete;
        Window &operator=(const Window &) = delete;
    };

    // For operator new: whether this one fails.
    bool is_due() noexcept;

 private:
    int64_t left_;
    int64_t count_ = 0;
    bool failed_ = false;
};

}  // namespace gateway
