// Any body of a request: an error that can be told, or a request that can be fitted to every kind
// of model and sent to it.
#include "core/request/decode.h"

#include "core/catalog/fit.h"
#include "core/providers/dialect.h"
#include "core/request/fields.h"
#include "core/response/answer.h"
#include "fuzz.h"

namespace gateway {
namespace {

class NoRandom : public Random {
 public:
    void fill(std::span<uint8_t> bytes) override { std::fill(bytes.begin(), bytes.end(), 7); }
};

const Catalogue &catalogue() {
    static const Catalogue built_in = *Catalogue::read(Catalogue::built_in());
    return built_in;
}

void send(const ImageRequest &request, const Fitted &fitted, const Dialect &dialect) {
    NoRandom random;
    const Provider provider{"p", &dialect, "http://127.0.0.1", {{"sk-1"}}};
    const ProviderRequest asked{
        provider, &provider.keys[0], request.model, fitted.params, "req_1", "", "", random};
    const Work work = dialect.begin(asked);
    if (const auto *call = std::get_if<HttpCall>(&work)) {
        promise_json(call->body, "what is sent to a provider is JSON");
    }
}

void fit_to_models(const ImageRequest &request) {
    for (const Dialect *dialect : dialects()) {
        for (const std::string_view model : {"gpt-image-1", "gpt-image-2", "dall-e-3", "other"}) {
            const ModelSpec *spec = catalogue().find(dialect->name(), model);
            for (const FitMode mode : {FitMode::adapt, FitMode::strict}) {
                const auto fitted = fit(request.params, *spec, mode);
                if (!fitted) {
                    promise_json(write_error(fitted.error(), {}), "a misfit can be told");
                    continue;
                }
                promise(mode == FitMode::adapt || fitted->adjustments.empty(),
                        "strict adjusts nothing");
                AnswerFacts facts;
                facts.adjustments = &fitted->adjustments;
                promise_json(write_images({}, facts, "").copy(), "adjustments can be told");
                send(request, *fitted, *dialect);
            }
        }
    }
}

void run(std::string_view body) {
    const auto request = decode_request(body);
    if (!request) {
        promise(request.error().status == 400, "what cannot be understood is a 400");
        promise_json(write_error(request.error(), {}), "an error can be told");
        return;
    }
    for (const Field &field : fields()) {
        promise_json(to_json(request->params[field.param]), "a parameter is JSON");
        promise(!field.required || request->params.has(field.param), "what is required is there");
    }
    for (const Adjustment &adjustment : request->adjustments) {
        promise_json(adjustment.requested, "an adjustment is JSON");
    }
    AnswerFacts facts;
    facts.adjustments = &request->adjustments;
    promise_json(write_images({}, facts, "").copy(), "what was dropped can be told");
    fit_to_models(*request);
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run(gateway::Input(data, size).rest());
    return 0;
}
