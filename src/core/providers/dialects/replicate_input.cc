#include "core/providers/dialects/replicate_input.h"

#include <algorithm>
#include <iterator>

#include "core/glob.h"
#include "core/providers/request_body.h"
#include "core/request/geometry.h"

namespace gateway {

namespace {

constexpr InputSetting kUnchecked = {"disable_safety_checker", "true"};

// The first that matches counts.
constexpr InputNames kInputNames[] = {
    {.models = "black-forest-labs/flux-schnell",
     .count = "num_outputs",
     .tier = "megapixels",
     .steps = "num_inference_steps",
     .lenient = kUnchecked,
     .takes_seed = true},
    {.models = "black-forest-labs/flux-dev",
     .count = "num_outputs",
     .tier = "megapixels",
     .steps = "num_inference_steps",
     .lenient = kUnchecked,
     .takes_seed = true},
    {.models = "black-forest-labs/flux-1.1-pro",
     .lenient = {"safety_tolerance", "6"},
     .takes_seed = true},
    {.models = "black-forest-labs/flux-1.1-pro-ultra", .lenient = {"safety_tolerance", "6"}},
    {.models = "black-forest-labs/flux-kontext-*",
     .lenient = {"safety_tolerance", "6"},
     .takes_seed = true},
    {.models = "black-forest-labs/flux-2-klein-4b",
     .tier = "output_megapixels",
     .lenient = kUnchecked,
     .takes_seed = true},
    {.models = "black-forest-labs/flux-2-flex",
     .steps = "steps",
     .lenient = {"safety_tolerance", "5"},
     .plain = {"prompt_upsampling", "false"},
     .takes_seed = true,
     .matches = true},
    {.models = "black-forest-labs/flux-2-pro",
     .lenient = {"safety_tolerance", "5"},
     .takes_seed = true,
     .matches = true},
    {.models = "black-forest-labs/flux-2-max",
     .lenient = {"safety_tolerance", "5"},
     .takes_seed = true,
     .matches = true},
    {.models = "black-forest-labs/flux-3-image", .tier = "resolution"},
    {.models = "ideogram-ai/ideogram-v3-*",
     .plain = {"magic_prompt_option", "\"Off\""},
     .takes_seed = true},
    {.models = "openai/*",
     .count = "number_of_images",
     .compression = "output_compression",
     .jpeg = "jpeg",
     .lenient = {"moderation", "\"low\""}},
    {.models = "google/*", .tier = "resolution"},
    {.models = "bytedance/*", .tier = "size"},
    {.models = "*"},
};

// Fields that no published API has a name for.
constexpr const char *kOwnFields =
    "width height num_outputs number_of_images megapixels output_megapixels num_inference_steps "
    "steps output_quality disable_safety_checker safety_tolerance prompt_upsampling "
    "magic_prompt_option user_id prompt_strength images image_input input_image input_images "
    "redux_image";

// The megapixels of a resolution, for models that take them.
std::string_view megapixels(std::string_view tier) {
    constexpr std::string_view kPairs[][2] = {
        {"512", "0.25"}, {"724", "0.5"}, {"1K", "1"}, {"1448", "2"}, {"2K", "4"}};
    const auto *pair = std::find_if(std::begin(kPairs), std::end(kPairs),
                                    [=](const auto &row) { return row[0] == tier; });
    return pair == std::end(kPairs) ? tier : (*pair)[1];
}

void write_shape(JsonWriter &input, const ProviderRequest &request, const InputNames &names) {
    const Params &params = request.params;
    if (request.inputs.any() && names.matches && !params.has(Param::size) &&
        !params.has(Param::aspect_ratio)) {
        input.key("aspect_ratio").string("match_input_image");
    }
    if (const auto size = parse_size(params.text(Param::size))) {
        input.key("aspect_ratio").string("custom");
        input.key("width").number(size->width);
        input.key("height").number(size->height);
    }
    if (params.has(Param::aspect_ratio)) {
        input.key("aspect_ratio").string(params.text(Param::aspect_ratio));
    }
    if (params.has(Param::resolution) && !names.tier.empty()) {
        const std::string_view tier = params.text(Param::resolution);
        input.key(names.tier).string(names.tier.ends_with("megapixels") ? megapixels(tier) : tier);
    }
}

}  // namespace

const InputNames &input_names(std::string_view model) {
    const std::string_view name = model.substr(0, model.find(':'));
    return *std::find_if(std::begin(kInputNames), std::end(kInputNames),
                         [=](const InputNames &names) { return glob_matches(names.models, name); });
}

void write_input(JsonWriter &input, const ProviderRequest &request, const InputNames &names,
                 std::optional<int64_t> seed) {
    const Params &params = request.params;
    const auto write = [&](std::string_view name, Param param) {
        if (!name.empty()) {
            write_param(input, name, params, param);
        }
    };
    const auto set = [&](const InputSetting &setting) {
        if (!setting.name.empty()) {
            input.key(setting.name).json(setting.value);
        }
    };
    // Models that make variations have no such field.
    if (request.inputs.operation != Operation::variation || params.has(Param::prompt)) {
        input.key("prompt").string(params.text(Param::prompt));
    }
    write(names.count, Param::n);
    write_shape(input, request, names);
    write("quality", Param::quality);
    write("background", Param::background);
    if (params.has(Param::output_format)) {
        const std::string_view format = params.text(Param::output_format);
        input.key("output_format").string(format == "jpeg" ? names.jpeg : format);
    }
    write(names.compression, Param::output_compression);
    if (seed) {
        input.key("seed").number(*seed);
    }
    write(names.steps, Param::num_inference_steps);
    write("guidance", Param::guidance);
    if (request.inputs.any()) {
        write("input_fidelity", Param::input_fidelity);
        write("prompt_strength", Param::strength);
    }
    if (params.has(Param::user)) {
        input.key("user_id").string(params.text(Param::user));
    }
    if (params.text(Param::moderation) == "low") {
        set(names.lenient);
    }
    set(names.plain);
}

std::string replicate_field_names() {
    return kOwnFields;
}

}  // namespace gateway
