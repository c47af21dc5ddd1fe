// Replicate's predictions: one path for all models, whose inputs differ. The image comes at once or
// after polling.
// Facts: its openapi.json and guides of 2026, and the input schemas of its official models.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class Replicate final : public Dialect, public JobApi {
 public:
    Replicate();
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
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
