// The built-in provider: needs no key and no network, draws a labelled placeholder on the task
// pool, and can play slow and failing, so that fallback can be rehearsed.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class Sandbox final : public Dialect {
 public:
    [[nodiscard]] std::string_view name() const override { return "sandbox"; }
    [[nodiscard]] bool needs_url() const override { return false; }
    [[nodiscard]] bool needs_key() const override { return false; }
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
};

}  // namespace gateway
