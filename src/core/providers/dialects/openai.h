// OpenAI's Images API, and the many servers that implement it with differences.
// Facts: OpenAI's openapi.yaml of 2026-08-21 and its error guide; for the others see
// openai_variants.cc.
#pragma once

#include <utility>

#include "core/json/writer.h"
#include "core/providers/dialect.h"
#include "core/providers/dialects/openai_variants.h"
#include "core/providers/image_inputs.h"

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
    void write_body(JsonWriter &body, const ProviderRequest &request, const Params &params) const;
    void set_body(HttpCall &call, const ProviderRequest &request, const Params &params) const;
    void set_form(HttpCall &call, const ProviderRequest &request, const Params &params) const;
    void write_images(JsonBody &body, const CallInputs &inputs) const;
    void write_image(JsonBody &body, const InputImage &image) const;
    void add_required(Params &params, const ProviderRequest &request) const;
    [[nodiscard]] std::string path_of(const ProviderRequest &request) const;
    // Puts the model into the path. False if its name cannot be a part of one.
    [[nodiscard]] bool name_model(std::string &path, std::string_view model) const;
    [[nodiscard]] std::optional<int64_t> choose_seed(Params &params,
                                                     const ProviderRequest &request) const;
    [[nodiscard]] std::optional<int64_t> cost_of(JsonValue root) const;
    [[nodiscard]] ImageResult describe(JsonValue root) const;

    OpenAiVariant variant_;
    std::vector<ErrorRule> errors_;  // the variant's rows come before those of OpenAI
};

}  // namespace gateway
