#include "core/routing/journal.h"

#include <algorithm>
#include <new>
#include <utility>

#include "core/providers/error_reply.h"
#include "core/providers/redact.h"

namespace gateway {

namespace {

// The client's fault is info, the provider's is a warning, and what the operator must see to is an
// error.
LogLevel log_level(OutcomeType outcome) {
    switch (outcome) {
        case OutcomeType::callers_fault:
        case OutcomeType::refused_by_policy: return LogLevel::info;
        case OutcomeType::our_credentials:
        case OutcomeType::out_of_quota: return LogLevel::error;
        default: return LogLevel::warn;
    }
}

std::string describe(const AttemptRecord &record, size_t number, std::string_view message) {
    std::string line =
        "image gateway: attempt " + std::to_string(number) + " at " + record.provider + "/" +
        record.model + " ended as " + std::string(name_of(record.outcome)) + " after " +
        std::to_string(record.latency) + " ms, status " + std::to_string(record.status);
    if (!record.code.empty()) {
        line += ", code " + record.code;
    }
    // What a provider says about a bad key tends to quote it.
    if (!message.empty() && record.outcome != OutcomeType::our_credentials) {
        line.append(": ").append(message);
    }
    return for_log(line);
}

}  // namespace

void Journal::add(const Candidate &candidate, const Outcome &outcome, AttemptRecord record) {
    record.provider = candidate.provider->name;
    record.model = candidate.model;
    record.outcome = outcome.type;
    record.status = outcome.type == OutcomeType::made ? 200 : outcome.error.status;
    record.code = outcome.error.code;
    if (outcome.type == OutcomeType::unknown) {
        record.message = outcome.error.message;
    }
    attempts_.push_back(std::move(record));
    const AttemptRecord &added = attempts_.back();
    upstream_time_ += Milliseconds(added.latency);
    images_lost_ += added.may_be_billed ? added.images : 0;
    if (outcome.type != OutcomeType::made) {
        note_wait(outcome.retry_after);
        log(outcome);
    }
}

// A line that there is no memory for is not worth a request.
void Journal::log(const Outcome &outcome) noexcept {
    try {
        ports_.log.write(log_level(outcome.type),
                         describe(attempts_.back(), attempts_.size(), outcome.error.message) +
                             ", request " + std::string(request_id_));
    } catch (...) {
        return;
    }
}

// Once for each candidate, however often it was looked at.
void Journal::skip(const Candidate &candidate, Hindered hindered) {
    note_wait(hindered.wait);
    const auto known = std::find_if(skipped_.begin(), skipped_.end(), [&](const SkipRecord &skip) {
        return skip.provider == candidate.provider->name && skip.model == candidate.model;
    });
    if (known != skipped_.end()) {
        known->by = hindered.by;
        return;
    }
    skipped_.push_back({candidate.provider->name, candidate.model, hindered.by});
}

void Journal::drop(const Candidate &candidate, Milliseconds ran, int64_t perhaps_made) noexcept {
    upstream_time_ += ran;
    images_lost_ += perhaps_made;
    try {
        AttemptRecord record;
        record.provider = candidate.provider->name;
        record.model = candidate.model;
        record.outcome = OutcomeType::too_late;
        record.latency = ran.count();
        record.images = perhaps_made;
        record.may_be_billed = perhaps_made > 0;
        attempts_.push_back(std::move(record));
    } catch (const std::bad_alloc &) {
        // It is counted, and only its name is missing in the log.
    }
}

int64_t Journal::told_cost() const {
    int64_t sum = 0;
    for (const AttemptRecord &attempt : attempts_) {
        sum += attempt.may_be_billed ? 0 : attempt.cost.value_or(0);
    }
    return sum;
}

bool Journal::may_still_be_working() const {
    return std::any_of(attempts_.begin(), attempts_.end(), [](const AttemptRecord &attempt) {
        return attempt.may_be_billed &&
               (attempt.outcome == OutcomeType::too_late || attempt.code == kTimedOutCode);
    });
}

std::optional<Milliseconds> Journal::shortest_wait() const {
    if (!first_available_) {
        return std::nullopt;
    }
    return std::max(Milliseconds(0), *first_available_ - ports_.clock.now());
}

void Journal::note_wait(std::optional<Milliseconds> wait) {
    if (!wait) {
        return;
    }
    const Milliseconds at = ports_.clock.now() + *wait;
    first_available_ = std::min(first_available_.value_or(at), at);
}

}  // namespace gateway
