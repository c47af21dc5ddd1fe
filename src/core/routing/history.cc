#include "core/routing/history.h"

#include <algorithm>
#include <new>
#include <utility>

#include "core/providers/error_response.h"

namespace gateway {

const AttemptRecord &History::add(const Candidate &candidate, const Outcome &outcome,
                                  AttemptRecord record, Milliseconds now) {
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
        note_wait(outcome.retry_after, now);
    }
    return added;
}

void History::lose(const Candidate &candidate) {
    AttemptRecord record;
    record.provider = candidate.provider->name;
    record.model = candidate.model;
    record.code = kWorkerStoppedCode;
    record.message = "the gateway's worker was stopped when it may have asked the provider";
    record.may_be_billed = true;
    attempts_.push_back(std::move(record));
}

// Adds one record for each candidate, even if it is skipped several times.
void History::skip(const Candidate &candidate, Hindered hindered, Milliseconds now) {
    note_wait(hindered.wait, now);
    const auto known = std::find_if(skipped_.begin(), skipped_.end(), [&](const SkipRecord &skip) {
        return skip.provider == candidate.provider->name && skip.model == candidate.model;
    });
    if (known != skipped_.end()) {
        known->by = hindered.by;
        return;
    }
    skipped_.push_back({candidate.provider->name, candidate.model, hindered.by});
}

const AttemptRecord *History::drop(const Candidate &candidate, Milliseconds ran,
                                   int64_t perhaps_made) noexcept {
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
        return &attempts_.back();
    } catch (const std::bad_alloc &) {
        return nullptr;  // the images are counted; only the record is missing
    }
}

int64_t History::told_cost() const {
    int64_t sum = 0;
    for (const AttemptRecord &attempt : attempts_) {
        sum += attempt.may_be_billed ? 0 : attempt.cost.value_or(0);
    }
    return sum;
}

bool History::may_still_be_working() const {
    return std::any_of(attempts_.begin(), attempts_.end(), [](const AttemptRecord &attempt) {
        return attempt.may_be_billed &&
               (attempt.outcome == OutcomeType::too_late || attempt.code == kTimedOutCode);
    });
}

void History::note_wait(std::optional<Milliseconds> wait, Milliseconds now) {
    if (wait) {
        first_available_ = std::min(first_available_.value_or(now + *wait), now + *wait);
    }
}

}  // namespace gateway
