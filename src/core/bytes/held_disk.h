// Counts the disk space that the requests of a worker hold, per caller, and decides who may take
// more. Not thread-safe: only the event loop's thread may use these classes.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>

#include "core/bytes/held_memory.h"

namespace gateway {

class DiskSpace;

class HeldDisk : public std::enable_shared_from_this<HeldDisk> {
 public:
    using Owner = HeldMemory::Owner;
    using Rules = HeldMemory::Rules;

    static std::shared_ptr<HeldDisk> create(const Rules &rules);
    // The space of one request, which holds nothing yet.
    std::unique_ptr<DiskSpace> open(const Owner &owner);
    [[nodiscard]] size_t total() const { return total_; }

 private:
    friend class DiskSpace;

    explicit HeldDisk(const Rules &rules);
    [[nodiscard]] bool fits(size_t held_by_caller, size_t more) const;

    struct Hash {
        size_t operator()(const Owner &owner) const { return static_cast<size_t>(owner[0]); }
    };
    struct Caller {
        size_t bytes = 0;
        size_t requests = 0;
    };
    using Callers = std::unordered_map<Owner, Caller, Hash>;

    size_t limit_;
    size_t share_;  // bytes that a caller may hold when space is short
    size_t total_ = 0;
    Callers callers_;
};

class DiskSpace {
 public:
    DiskSpace(std::shared_ptr<HeldDisk> held, HeldDisk::Callers::value_type &caller);
    ~DiskSpace();
    DiskSpace(const DiskSpace &) = delete;
    DiskSpace &operator=(const DiskSpace &) = delete;

    // Sets the number of bytes that the request holds. False, without a change, if there is no room
    // for more.
    [[nodiscard]] bool hold(size_t bytes) noexcept;
    [[nodiscard]] size_t held() const { return own_; }

 private:
    std::shared_ptr<HeldDisk> held_;
    HeldDisk::Callers::value_type &caller_;
    size_t own_ = 0;
};

}  // namespace gateway
