#include "core/random.h"

#include <algorithm>

namespace gateway {

uint64_t random_number(Random &random) {
    uint64_t number = 0;
    random.fill({reinterpret_cast<uint8_t *>(&number), sizeof(number)});
    return number;
}

int64_t random_seed(Random &random) {
    constexpr uint64_t kMax = INT32_MAX;
    return static_cast<int64_t>(1 + random_number(random) % kMax);
}

Milliseconds random_time(Milliseconds shortest, Milliseconds longest, Random &random) {
    const auto range = static_cast<uint64_t>(std::max<int64_t>(0, (longest - shortest).count()));
    return shortest + Milliseconds(static_cast<int64_t>(random_number(random) % (range + 1)));
}

}  // namespace gateway
