// fal's models, through the endpoint that responds when the image is there (fal-run), or through
// its queue (fal).
// Facts: fal.ai's documentation of 2025-2026 and fal-js of 2026-08-02.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class FalRun : public Dialect {
 public:
    explicit FalRun(const char *name = "fal-run");
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
};

// The same requests and results, but a request is answered with the addresses of a job.
class Fal final : public FalRun, public JobApi {
 public:
    Fal() : FalRun("fal") {}
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
    [[nodiscard]] const JobApi *jobs() const override { return this; }

    [[nodiscard]] const PollRules &rules() const override;
    [[nodiscard]] HttpCall poll(const ProviderRequest &request, const Job &job) const override;
    [[nodiscard]] Outcome read_job(const HttpResponse &response, JsonValue root,
                                   OutcomeType state) const override;
    [[nodiscard]] std::optional<HttpCall> cancel(const ProviderRequest &request,
                                                 const Job &job) const override;
};

}  // namespace gateway
