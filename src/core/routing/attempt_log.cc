#include "core/routing/attempt_log.h"

#include <string>

#include "core/providers/redact.h"

namespace gateway {

namespace {

// Callers choose models, so failures of different models are of the same kind.
std::string kind_of(const AttemptRecord &record) {
    return record.provider + " ended as " + std::string(name_of(record.outcome)) + ", status " +
           std::to_string(record.status) + (record.code.empty() ? "" : ", code " + record.code);
}

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
    if (end.record.outcome == OutcomeType::made || end.dropped) {
        return;
    }
    const LogLevel level = log_level(end.record.outcome);
    if (storms_ == nullptr) {
        log_.write(level, describe(end));
        return;
    }
    const auto more = storms_->note(kind_of(end.record), level);
    if (more) {
        log_.write(level, *more == 0 ? describe(end)
                                     : describe(end) + ", and " + std::to_string(*more) +
                                           " more of this kind since the last such line");
    }
}

}  // namespace gateway
