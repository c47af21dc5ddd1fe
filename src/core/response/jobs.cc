#include "core/response/jobs.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/json/writer.h"
#include "core/request/operation.h"
#include "core/response/answer.h"
#include "core/sharing/kept_result.h"
#include "core/utc_time.h"

namespace gateway {

namespace {

const OperationRow &operation_of(const JobRecord &job) {
    const auto *found = std::find_if(
        std::begin(kOperationRows), std::end(kOperationRows),
        [&](const OperationRow &row) { return row.request_type == job.about.operation; });
    return found == std::end(kOperationRows) ? kOperationRows[0] : *found;
}

// How the job ended; nothing while it runs.
std::optional<KeptResult> result_of(const JobRecord &job, const JobContext &context) {
    if (job.state == JobState::running) {
        return std::nullopt;
    }
    if (job.state == JobState::interrupted && job.status == "queued") {
        return lost_in_queue(job.kept.request_id);
    }
    return job.state == JobState::ended
               ? kept_or_interrupted(job.kept, context.hosting, context.now)
               : interrupted_result(job.kept.request_id);
}

std::string_view billed_word(const KeptResult &kept) {
    const auto &cost = kept.result.withheld_cost;
    return !kept.billed ? "no" : cost && cost->usd ? "yes" : "unknown";
}

void write_result(JsonWriter &out, const JobRecord &job, const KeptResult &kept) {
    AnswerFacts facts;
    facts.request_id = kept.request_id;
    facts.created = kept.created;
    facts.requested_model = job.about.model;
    facts.history = &kept.result.history;
    facts.adjustments = &kept.result.adjustments;
    facts.latency = kept.latency;
    facts.operation = &operation_of(job);
    facts.inputs = &kept.inputs;
    facts.billed = kept.billed;
    if (kept.result.error) {
        facts.cost = kept.result.withheld_cost;
        facts.was_billed = billed_word(kept);
        out.key("error").json(write_error(*kept.result.error, facts));
        return;
    }
    facts.maker = &kept.result.maker;
    facts.cost = kept.result.bill.cost;
    facts.usage_counted = kept.result.bill.counted;
    facts.raw_request = kept.result.raw_request;
    facts.raw_response = kept.result.raw_response;
    out.key("result").json_by_reference(write_images(kept.result, facts, job.about.format));
}

void write_head_of_job(JsonWriter &out, const JobRecord &job) {
    out.key("id").string(job.about.id).key("object").string("image.job");
    out.key("status").string(status_of(job));
    out.key("operation").string(job.about.operation).key("model").string(job.about.model);
    out.key("created_at").number(job.created);
    out.key("completed_at");
    job.ended == 0 ? out.null() : out.number(job.ended);
    out.key("expires_at");
    job.kept.expires == 0 ? out.null() : out.number(job.kept.expires);
}

}  // namespace

std::string_view status_of(const JobRecord &job) {
    if (job.state == JobState::running) {
        return job.status == "queued" ? "queued" : "in_progress";
    }
    if (job.state == JobState::interrupted || job.status.empty()) {
        return "failed";
    }
    return job.status;
}

Bytes write_job(const JobRecord &job, const JobContext &context) {
    const auto kept = result_of(job, context);
    JsonWriter out;
    out.open_object();
    write_head_of_job(out, job);
    out.key("status_code");
    if (!kept) {
        out.null();
    } else {
        out.number(int64_t{kept->status});
        write_result(out, job, *kept);
    }
    out.close_object();
    return std::move(out).finish();
}

Bytes write_job_list(const std::vector<JobRecord> &jobs, bool has_more) {
    JsonWriter out;
    out.open_object().key("object").string("list").key("data").open_array();
    for (const JobRecord &job : jobs) {
        out.open_object();
        write_head_of_job(out, job);
        out.close_object();
    }
    out.close_array().key("has_more").boolean(has_more).close_object();
    return std::move(out).finish();
}

Bytes write_bifrost_job(const JobRecord &job, const JobContext &context) {
    const auto kept = result_of(job, context);
    JsonWriter out;
    out.open_object().key("id").string(job.about.id).key("status");
    if (!kept) {
        out.string("processing").key("created_at").string(format_time(job.created));
        out.close_object();
        return std::move(out).finish();
    }
    out.string(kept->result.error ? "failed" : "completed");
    out.key("created_at").string(format_time(job.created));
    out.key("completed_at").string(format_time(job.ended));
    out.key("expires_at").string(format_time(job.kept.expires));
    out.key("status_code").number(int64_t{kept->status});
    write_result(out, job, *kept);
    out.close_object();
    return std::move(out).finish();
}

}  // namespace gateway
