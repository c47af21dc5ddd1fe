// Any body of a request to any published API: an error that can be told, or a request that can be
// fitted to every kind of model and sent to it.
#include "core/request/decode.h"

#include <algorithm>
#include <vector>

#include "core/catalog/fit.h"
#include "core/providers/dialect.h"
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
    std::vector<JsonValue> passed;
    std::copy_if(request.passed.begin(), request.passed.end(), std::back_inserter(passed),
                 [&](JsonValue field) { return !dialect.written_fields().contains(field.key()); });
    Provider provider;
    provider.name = "p";
    provider.dialect = &dialect;
    provider.url = "http://127.0.0.1";
    provider.keys.push_back({"sk-1"});
    const ProviderRequest asked{
        provider, &provider.keys[0], request.model, fitted.params, passed, "req_1", "", "", random};
    const Work work = dialect.begin(asked);
    if (const auto *call = std::get_if<HttpCall>(&work)) {
        promise_json(call->body.copy(), "what is sent to a provider is JSON");
    }
}

void fit_to_models(const ImageRequest &request) {
    for (const Dialect *dialect : dialects()) {
        for (const std::string_view model : {"gpt-image-1", "gpt-image-2", "dall-e-3", "other"}) {
            const ModelSpec *spec = catalogue().find("p", dialect->name(), model);
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

void keep_to_the_profile(const ImageRequest &request, const Contract &contract) {
    for (const Param param : all_params()) {
        const Field *field = contract.profile.field(name_of(param));
        promise_json(to_json(request.params[param]), "a parameter is JSON");
        promise(field != nullptr || !request.params.has(param), "only fields of the profile");
        promise(field == nullptr || !field->required || request.params.is_requested(param),
                "what is required is there");
        promise(field == nullptr || !request.params.is_default(param) || !field->fallback.empty(),
                "only the profile has standards");
    }
    const int64_t images = request.params.integer(Param::n, 1);
    promise(images >= 1 && images <= 10, "one to ten images");
    promise(request.model.empty() || is_model_name(request.model), "a model has a name");
}

void keep_to_the_policy(const ImageRequest &request, const UnknownFields &unknown) {
    using Mode = UnknownFields::Mode;
    promise(unknown.mode != Mode::reject || request.adjustments.empty(), "rejected is not dropped");
    promise(unknown.mode == Mode::pass || request.passed.empty(), "nothing passes unasked");
    for (const JsonValue field : request.passed) {
        promise(std::find(unknown.names.begin(), unknown.names.end(), field.key()) !=
                    unknown.names.end(),
                "only what is named passes");
    }
    for (const Adjustment &adjustment : request.adjustments) {
        promise_json(adjustment.requested, "an adjustment is JSON");
    }
}

void run(std::string_view body, const Contract &contract) {
    const auto request = decode_request(body, contract);
    if (!request) {
        promise(request.error().status == 400, "what cannot be understood is a 400");
        promise_json(write_error(request.error(), {}), "an error can be told");
        return;
    }
    keep_to_the_profile(*request, contract);
    keep_to_the_policy(*request, contract.unknown);
    AnswerFacts facts;
    facts.adjustments = &request->adjustments;
    promise_json(write_images({}, facts, "").copy(), "what was dropped can be told");
    fit_to_models(*request);
}

// Two bytes choose the contract: a profile, and what becomes of fields that it does not have. An
// input that begins like a body is one for the unified profile, which drops them.
void choose_and_run(Input input) {
    UnknownFields unknown;
    if (input.rest().starts_with('{')) {
        run(input.rest(), {unified_profile(), unknown});
        return;
    }
    const Profile &profile = profiles()[input.byte() % profiles().size()];
    const uint8_t policy = input.byte();
    unknown.mode = static_cast<UnknownFields::Mode>(policy % 3);
    unknown.names = {"foo", "cfg_scale", "lora", "aspect_ratio"};
    const bool model_in_path = (policy & 0x80) != 0;
    run(input.rest(), {profile, unknown, model_in_path});
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::choose_and_run(gateway::Input(data, size));
    return 0;
}
