// The built-in provider: needs no key and no network, draws a labelled placeholder on the task
// pool, and can play slow and failing, so that fallback can be rehearsed.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class Sandbox final : public Dialect {
 public:
    Sandbox() : Dialect({.name = "sandbox", .needs_url = false, .needs_key = false}) {}
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
};

}  // namespace gateway
