// The facet of a dialect whose provider answers before the image is there: how its jobs are polled,
// read and cancelled. The poller does the rest.
#pragma once

#include <optional>

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/outcome.h"
#include "core/providers/polling.h"
#include "core/providers/provider_request.h"

namespace gateway {

class JobApi {
 public:
    virtual ~JobApi() = default;
    [[nodiscard]] virtual const PollRules &rules() const = 0;
    // Asks how the job is, with the provider key of the submit.
    [[nodiscard]] virtual HttpCall poll(const ProviderRequest &request, const Job &job) const = 0;
    // Fetches the result of a job that is done, where it has an address of its own.
    [[nodiscard]] HttpCall fetch(const ProviderRequest &request, const Job &job) const;
    // Reads the document of a job that has ended, or its result.
    [[nodiscard]] virtual Outcome read_job(const HttpResponse &response, JsonValue root,
                                           OutcomeType state) const = 0;
    // Tells the provider that nobody waits for the job any longer, where its API can do that.
    [[nodiscard]] virtual std::optional<HttpCall> cancel(const ProviderRequest &request,
                                                         const Job &job) const;
};

// An outcome of this type, with the response's status and nothing else yet.
Outcome begin_job_outcome(const HttpResponse &response, OutcomeType state);

}  // namespace gateway
