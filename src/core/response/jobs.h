// Replies about jobs: the resource that stands for one, lists of them, and the form of Bifrost.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/images/links.h"
#include "core/sharing/records.h"

namespace gateway {

struct JobContext {
    const Hosting *hosting = nullptr;  // signs links to kept images; null: there are none
    int64_t now = 0;                   // unix seconds
};

// "queued", "in_progress", "completed", "failed" or "cancelled".
std::string_view status_of(const JobRecord &job);

Bytes write_job(const JobRecord &job, const JobContext &context);
// Without results.
Bytes write_job_list(const std::vector<JobRecord> &jobs, bool has_more);
// As Bifrost writes it.
Bytes write_bifrost_job(const JobRecord &job, const JobContext &context);

}  // namespace gateway
