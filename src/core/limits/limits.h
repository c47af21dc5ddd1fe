// How much somebody may use: by their key, or by the configuration.
#pragma once

#include <cstdint>

namespace gateway {

// 0 stands for no limit.
struct Limits {
    int64_t requests_per_minute = 0;
    int64_t images_per_minute = 0;
    int64_t images_per_day = 0;
    int64_t concurrent = 0;

    [[nodiscard]] bool any() const {
        return requests_per_minute + images_per_minute + images_per_day + concurrent > 0;
    }
    // Each one that is not there is taken from `defaults`.
    [[nodiscard]] Limits or_else(const Limits &defaults) const {
        const auto choose = [](int64_t own, int64_t other) { return own != 0 ? own : other; };
        return {choose(requests_per_minute, defaults.requests_per_minute),
                choose(images_per_minute, defaults.images_per_minute),
                choose(images_per_day, defaults.images_per_day),
                choose(concurrent, defaults.concurrent)};
    }
};

}  // namespace gateway
