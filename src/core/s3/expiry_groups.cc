#include "core/s3/expiry_groups.h"

#include <algorithm>

#include "core/s3/signature.h"
#include "core/utc_time.h"

namespace gateway {

int64_t group_length(int64_t lifetime) {
    constexpr int64_t kParts = 8;
    constexpr int64_t kLongest = 3600;
    return std::clamp<int64_t>(lifetime / kParts, 1, kLongest);
}

std::string group_of(int64_t expires, int64_t lifetime) {
    const int64_t length = group_length(lifetime);
    return signing_time((expires + length - 1) / length * length);
}

std::optional<int64_t> end_of_group(std::string_view name) {
    constexpr size_t kLength = 16;  // of "20261130T140000Z"
    if (name.size() != kLength) {
        return std::nullopt;
    }
    std::string time(name);
    for (const size_t place : {size_t{13}, size_t{11}}) {
        time.insert(place, ":");
    }
    for (const size_t place : {size_t{6}, size_t{4}}) {
        time.insert(place, "-");
    }
    return parse_time(time);
}

int64_t group_grace(int64_t lifetime) {
    constexpr int64_t kDifferenceOfClocks = 300;
    return std::min(lifetime, kDifferenceOfClocks);
}

}  // namespace gateway
