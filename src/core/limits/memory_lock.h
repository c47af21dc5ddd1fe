// Holds the lock of shared memory until the end of the scope.
#pragma once

#include "core/ports.h"

namespace gateway {

class MemoryLock {
 public:
    explicit MemoryLock(SharedMemory &memory) : memory_(memory) { memory_.lock(); }
    ~MemoryLock() { memory_.unlock(); }
    MemoryLock(const MemoryLock &) = delete;
    MemoryLock &operator=(const MemoryLock &) = delete;

 private:
    SharedMemory &memory_;
};

}  // namespace gateway
