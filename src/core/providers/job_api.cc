#include "core/providers/job_api.h"

namespace gateway {

HttpCall JobApi::fetch(const ProviderRequest &request, const Job &job) const {
    Job done;
    done.poll_url = job.result_url;
    return poll(request, done);
}

std::optional<HttpCall> JobApi::cancel(const ProviderRequest & /*request*/,
                                       const Job & /*job*/) const {
    return std::nullopt;
}

Outcome begin_job_outcome(const HttpResponse &response, OutcomeType state) {
    Outcome outcome;
    outcome.type = state;
    outcome.error.status = response.status;
    return outcome;
}

}  // namespace gateway
