// Cloudflare's Workers AI, directly or through an AI Gateway: by model, JSON or a form in, a
// picture's own bytes or an envelope out, one picture a call. The account is part of the url.
// Facts: Cloudflare's documentation of models and errors, 2026.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class CloudflareWorkersAi final : public Dialect {
 public:
    CloudflareWorkersAi();
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
};

}  // namespace gateway
