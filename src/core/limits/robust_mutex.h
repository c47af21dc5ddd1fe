// A mutex in shared memory that the kernel releases when its holder dies, whoever its parent is.
// Region undoes what the dead holder had begun to change.
#pragma once

#include <pthread.h>

namespace gateway {

class RobustMutex {
 public:
    // Must be called once, before another process sees the mutex.
    bool prepare() noexcept;
    void lock() noexcept;
    void unlock() noexcept;

 private:
    pthread_mutex_t mutex_;
};

}  // namespace gateway
