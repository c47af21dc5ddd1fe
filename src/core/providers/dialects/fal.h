// fal's models: by its endpoint that answers when the picture is there (fal-run), and by its queue
// (fal).
// Facts: fal.ai's documentation of 2025-2026 and fal-js of 2026-08-02.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class FalRun : public Dialect {
 public:
    [[nodiscard]] std::string_view name() const override { return "fal-run"; }
    [[nodiscard]] bool passes(std::string_view field) const override;
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
};

// The same requests and the same results, but the answer to a request is where to ask for it.
class Fal final : public FalRun {
 public:
    [[nodiscard]] std::string_view name() const override { return "fal"; }
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
    [[nodiscard]] const PollRules *polling() const override;
    [[nodiscard]] std::span<const std::string_view> own_hosts() const override;
    [[nodiscard]] HttpCall poll(const ProviderRequest &request, const Job &job) const override;
    [[nodiscard]] Outcome read_job(const HttpResponse &response, JsonValue root,
                                   OutcomeType state) const override;
    [[nodiscard]] std::optional<HttpCall> cancel(const ProviderRequest &request,
                                                 const Job &job) const override;
};

}  // namespace gateway
