#include "core/routing/failure_storms.h"

#include "core/providers/redact.h"

namespace gateway {

// If there are too many kinds, a new one is always logged: providers, not callers, choose them.
std::optional<uint64_t> FailureStorms::note(const std::string &kind, LogLevel level) {
    const int64_t now = second();
    const auto known = storms_.find(kind);
    if (known == storms_.end()) {
        if (storms_.size() < kMaxKinds) {
            storms_.emplace(kind, Storm{now, 0, level});
        }
        return 0;
    }
    Storm &storm = known->second;
    if (storm.second == now) {
        ++storm.left_out;
        return std::nullopt;
    }
    const uint64_t left_out = storm.left_out;
    storm = {now, 0, level};
    return left_out;
}

void FailureStorms::tell_rest(Log &log) {
    const int64_t now = second();
    for (auto one = storms_.begin(); one != storms_.end();) {
        const auto &[kind, storm] = *one;
        if (storm.second == now) {
            ++one;
            continue;
        }
        if (storm.left_out > 0) {
            log.write(storm.level, for_log("image gateway: " + std::to_string(storm.left_out) +
                                           " more attempts at " + kind));
        }
        one = storms_.erase(one);
    }
}

}  // namespace gateway
