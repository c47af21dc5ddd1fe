#include "core/limits/robust_mutex.h"

#include <cerrno>

namespace gateway {

namespace {

void spin_once() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

}  // namespace

bool RobustMutex::prepare() noexcept {
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0) {
        return false;
    }
    const bool prepared = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
                          pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
                          pthread_mutex_init(&mutex_, &attributes) == 0;
    pthread_mutexattr_destroy(&attributes);
    return prepared;
}

// The mutex is held for less time than it takes to sleep and wake up: so try again a few times
// before sleeping.
void RobustMutex::lock() noexcept {
    constexpr int kMaxPauses = 2048;
    int result = pthread_mutex_trylock(&mutex_);
    for (int pauses = 1; result == EBUSY && pauses < kMaxPauses; pauses *= 2) {
        for (int i = 0; i < pauses; ++i) {
            spin_once();
        }
        result = pthread_mutex_trylock(&mutex_);
    }
    if (result == EBUSY) {
        result = pthread_mutex_lock(&mutex_);
    }
    if (result == EOWNERDEAD) {
        pthread_mutex_consistent(&mutex_);
    }
}

void RobustMutex::unlock() noexcept {
    pthread_mutex_unlock(&mutex_);
}

}  // namespace gateway
