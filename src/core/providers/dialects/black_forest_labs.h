// Black Forest Labs' FLUX API: a job for each image, and a link to it for ten minutes.
// Facts: its API reference and openapi.json of 2026, and public clients as of October 2026.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class BlackForestLabs final : public Dialect, public JobApi {
 public:
    BlackForestLabs();
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
    [[nodiscard]] const JobApi *jobs() const override { return this; }

    [[nodiscard]] const PollRules &rules() const override;
    [[nodiscard]] HttpCall poll(const ProviderRequest &request, const Job &job) const override;
    [[nodiscard]] Outcome read_job(const HttpResponse &response, JsonValue root,
                                   OutcomeType state) const override;
};

}  // namespace gateway
