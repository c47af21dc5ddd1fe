// OpenAI's Images API, and the many servers that implement it with differences.
// Facts: OpenAI's openapi.yaml of 2026-08-21 and its error guide; for the others see
// openai_variants.cc.
#pragma once

#include <utility>

#include "core/json/writer.h"
#include "core/providers/dialect.h"
#include "core/providers/dialects/openai_variants.h"

namespace gateway {

class OpenAi final : public Dialect, public StreamApi {
 public:
    explicit OpenAi(OpenAiVariant variant);

    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
    [[nodiscard]] const StreamApi *stream() const override {
        return variant_.streams ? this : nullptr;
    }
    [[nodiscard]] tl::expected<std::unique_ptr<Dialect>, std::string> changed(
        std::span<const std::string_view> words) const override;

    [[nodiscard]] bool streams(const Params &params) const override;
    [[nodiscard]] StreamUpdate read_event(const ServerEvent &event) const override;

 private:
    [[nodiscard]] JsonWriter body_for(const ProviderRequest &request, const Params &params) const;
    [[nodiscard]] std::optional<int64_t> cost_of(JsonValue root) const;
    [[nodiscard]] ImageResult describe(JsonValue root) const;

    OpenAiVariant variant_;
    std::vector<ErrorRule> errors_;  // the variant's rows come before those of OpenAI
};

}  // namespace gateway
