#include "core/routing/usage_recorder.h"

#include <utility>

namespace gateway {

// If there is no memory for the record, its sums still count in shared memory until nginx restarts.
void UsageRecorder::on_request_end(const RequestEnd &end) {
    if (!end.was_attempted()) {
        return;
    }
    UsageRecord record;
    record.unix_milliseconds = end.unix_seconds * 1000;
    record.request_id = end.request_id;
    record.key = end.key;
    record.budget_account = end.account;
    record.end_user = end.end_user;
    record.requested_model = end.requested_model;
    if (!end.history.attempts().empty()) {
        record.provider = end.history.attempts().back().provider;
        record.model = end.history.attempts().back().model;
    }
    record.images = end.images;
    record.images_lost = end.images_lost;
    record.cost = end.cost;
    record.counted = end.counted;
    record.latency = end.latency;
    record.status = end.status;
    record.outcome = end.outcome;
    record.day_counts.assign(end.day_counts.begin(), end.day_counts.end());
    book_.write(std::move(record));
}

}  // namespace gateway
