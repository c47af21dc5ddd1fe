// Which failures a worker logs when many of the same kind come: one a second of each kind.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/ports.h"

namespace gateway {

class FailureStorms {
 public:
    explicit FailureStorms(const Clock &clock) : clock_(clock) {}

    // Whether to log a failure, and then how many of its kind were not logged since the last one.
    std::optional<uint64_t> note(const std::string &kind, LogLevel level);
    // Call it now and then. Writes how many were not logged, of kinds that come no more.
    void tell_rest(Log &log);

 private:
    struct Storm {
        int64_t second = 0;  // of the last one that was logged
        uint64_t left_out = 0;
        LogLevel level = LogLevel::warn;
    };
    static constexpr size_t kMaxKinds = 256;

    [[nodiscard]] int64_t second() const { return clock_.now().count() / 1000; }

    const Clock &clock_;
    std::unordered_map<std::string, Storm> storms_;
};

}  // namespace gateway
