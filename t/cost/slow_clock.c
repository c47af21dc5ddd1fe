// Preloaded into an nginx that valgrind makes about fifty times slower: a clock that is as much slower. So what is bounded
// by time, a transfer's turn of the event loop, ends where it would end at full speed.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) {
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    }
    const int result = real(clock, time);
    if (result == 0 && clock == CLOCK_MONOTONIC) {
        const long long slow = (time->tv_sec * 1000000000LL + time->tv_nsec) / 50;
        time->tv_sec = slow / 1000000000LL;
        time->tv_nsec = slow % 1000000000LL;
    }
    return result;
}
