// A mutex in shared memory that the kernel releases when its holder dies, whoever its parent is.
// What the dead holder had begun to change, a Region puts back.
#pragma once

#include <pthread.h>

namespace gateway {

class RobustMutex {
 public:
    // To be called once, before any other process sees it.
    bool prepare() noexcept;
    void lock() noexcept;
    void unlock() noexcept;

 private:
    pthread_mutex_t mutex_;
};

}  // namespace gateway
