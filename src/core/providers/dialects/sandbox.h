// The built-in provider. It needs no key and no network, and draws a labelled placeholder on the
// task pool. It can simulate delays and failures, to test fallbacks.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class Sandbox final : public Dialect {
 public:
    Sandbox()
        : Dialect(
              {.name = "sandbox", .needs_url = false, .needs_key = false, .takes_images = true}) {}
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
};

}  // namespace gateway
