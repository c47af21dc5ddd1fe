// Stability AI's v2beta: a form in, an image's own bytes out, one image a call.
// Facts: Stability's openapi of 2026 and its price list of June 2026.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class Stability final : public Dialect {
 public:
    Stability();
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
};

}  // namespace gateway
