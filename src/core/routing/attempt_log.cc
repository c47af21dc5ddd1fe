#include "core/routing/attempt_log.h"

#include <string>

#include "core/providers/redact.h"

namespace gateway {

namespace {

// A mistake of the client is logged as info, a failure of the provider as warn. What the operator
// must repair is logged as error.
LogLevel log_level(OutcomeType outcome) {
    switch (outcome) {
        case OutcomeType::callers_fault:
        case OutcomeType::refused_by_policy: return LogLevel::info;
        case OutcomeType::our_credentials:
        case OutcomeType::out_of_quota: return LogLevel::error;
        default: return LogLevel::warn;
    }
}

std::string describe(const AttemptEnd &end) {
    const AttemptRecord &record = end.record;
    std::string line =
        "image gateway: attempt " + std::to_string(end.number) + " at " + record.provider + "/" +
        record.model + " ended as " + std::string(name_of(record.outcome)) + " after " +
        std::to_string(record.latency) + " ms, status " + std::to_string(record.status);
    if (!record.code.empty()) {
        line += ", code " + record.code;
    }
    // A provider's message about a bad key often quotes the key.
    if (!end.message.empty() && record.outcome != OutcomeType::our_credentials) {
        line.append(": ").append(end.message);
    }
    return for_log(line).append(", request ").append(end.request_id);
}

}  // namespace

void AttemptLog::on_attempt_end(const AttemptEnd &end) {
    if (end.record.outcome != OutcomeType::made && !end.dropped) {
        log_.write(log_level(end.record.outcome), describe(end));
    }
}

}  // namespace gateway
