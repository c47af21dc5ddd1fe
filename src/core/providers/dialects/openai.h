// OpenAI's Images API, and the many servers that speak it with differences of their own.
// Facts: OpenAI's openapi.yaml of 2026-08-21 and its error guide; for the others see
// openai_variants.cc.
#pragma once

#include <utility>

#include "core/providers/dialect.h"
#include "core/providers/dialects/openai_variants.h"

namespace gateway {

class OpenAi final : public Dialect {
 public:
    explicit OpenAi(OpenAiVariant variant);

    [[nodiscard]] std::string_view name() const override { return variant_.api; }
    [[nodiscard]] bool needs_key() const override { return variant_.needs_key; }
    [[nodiscard]] bool ignores_case() const override { return variant_.ignores_case; }
    [[nodiscard]] bool passes(std::string_view field) const override;
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
    [[nodiscard]] bool answers_with_picture() const override { return !variant_.withholds; }
    [[nodiscard]] bool streams(const Params &params) const override;
    [[nodiscard]] StreamUpdate read_event(const ServerEvent &event) const override;
    [[nodiscard]] tl::expected<std::unique_ptr<Dialect>, std::string> changed(
        std::span<const std::string_view> words) const override;

 private:
    [[nodiscard]] std::string body_for(const ProviderRequest &request, const Params &params) const;
    [[nodiscard]] std::optional<int64_t> cost_of(JsonValue root) const;
    [[nodiscard]] ImageResult describe(JsonValue root) const;

    OpenAiVariant variant_;
    std::vector<ErrorRule> errors_;  // its own rows before those of OpenAI
};

}  // namespace gateway
