// OpenAI's Images API, and the many servers that speak it.
// Facts: OpenAI's openapi.yaml of 2026-08-21 and its error guide.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class OpenAi final : public Dialect {
 public:
    [[nodiscard]] std::string_view name() const override { return "openai"; }
    [[nodiscard]] bool passes(std::string_view field) const override;
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpReply &reply) const override;
};

}  // namespace gateway
