// Cloudflare's Workers AI, directly or through an AI Gateway. Depending on the model, it takes JSON
// or a form, and returns an image's own bytes or JSON. One image a call. The account is part of the
// url.
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
