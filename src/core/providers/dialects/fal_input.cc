#include "core/providers/dialects/fal_input.h"

#include <algorithm>
#include <iterator>

#include "core/glob.h"
#include "core/providers/request_body.h"
#include "core/request/geometry.h"

namespace gateway {

namespace {

struct FalField {
    Param param;
    std::string_view name;
};
constexpr FalField kFields[] = {
    {Param::prompt, "prompt"},
    {Param::negative_prompt, "negative_prompt"},
    {Param::n, "num_images"},
    {Param::size, "image_size"},
    {Param::aspect_ratio, "aspect_ratio"},
    {Param::resolution, "resolution"},
    {Param::quality, "quality"},
    {Param::output_format, "output_format"},
    {Param::seed, "seed"},
    {Param::num_inference_steps, "num_inference_steps"},
    {Param::guidance, "guidance_scale"},
    {Param::strength, "strength"},
};
constexpr std::string_view kOtherFields =
    "safety_tolerance enable_safety_checker enable_prompt_expansion image_url image_urls mask_url";

// Models that edit at another endpoint, for the same price. Where the price differs, the endpoint
// is a model of its own in the catalogue.
struct EditEndpoint {
    std::string_view model;
    std::string_view endpoint;
};
constexpr EditEndpoint kEditEndpoints[] = {
    {"fal-ai/flux-2", "fal-ai/flux-2/edit"},
    {"fal-ai/flux-2-pro", "fal-ai/flux-2-pro/edit"},
    {"fal-ai/flux-2-flex", "fal-ai/flux-2-flex/edit"},
    {"fal-ai/flux-pro/kontext/text-to-image", "fal-ai/flux-pro/kontext"},
    {"fal-ai/nano-banana-pro", "fal-ai/nano-banana-pro/edit"},
};

// Differences between the schemas in fields that callers do not set.
struct SchemaTraits {
    std::string_view models;
    bool tolerates;  // it has safety_tolerance; others have a safety checker, or nothing
    bool rewrites;   // it rewrites prompts unless that is turned off
};
constexpr SchemaTraits kTraits[] = {
    {"fal-ai/flux-pro/*", true, false},  {"fal-ai/flux-2-pro*", true, false},
    {"fal-ai/flux-2-flex*", true, true}, {"fal-ai/flux-2", false, true},
    {"fal-ai/flux-2/edit", false, true}, {"fal-ai/nano-banana*", true, false},
    {"ideogram/v4*", false, true},       {"*", false, false},
};

const SchemaTraits &traits_of(std::string_view model) {
    return *std::find_if(std::begin(kTraits), std::end(kTraits),
                         [=](const SchemaTraits &row) { return glob_matches(row.models, model); });
}

// Pixels, or one of fal's own names for sizes.
void write_size(JsonWriter &body, std::string_view size) {
    if (const auto pixels = parse_size(size)) {
        body.open_object();
        body.key("width").number(pixels->width).key("height").number(pixels->height);
        body.close_object();
    } else {
        body.string(size);
    }
}

void write_safety(JsonWriter &body, const SchemaTraits &traits) {
    if (traits.tolerates) {
        body.key("safety_tolerance").string("5");
    } else {
        // Takes effect only for accounts that fal allows it.
        body.key("enable_safety_checker").boolean(false);
    }
}

}  // namespace

std::string_view fal_endpoint(const ProviderRequest &request) {
    if (!request.inputs.any()) {
        return request.model;
    }
    const auto *row =
        std::find_if(std::begin(kEditEndpoints), std::end(kEditEndpoints),
                     [&](const EditEndpoint &edit) { return edit.model == request.model; });
    return row == std::end(kEditEndpoints) ? request.model : row->endpoint;
}

void write_fal_input(JsonWriter &body, const ProviderRequest &request) {
    const Params &params = request.params;
    body.open_object();
    for (const FalField &field : kFields) {
        // For the size "auto" the field is left out.
        const bool open = field.param == Param::size && params.text(Param::size) == "auto";
        if (!params.has(field.param) || open) {
            continue;
        }
        body.key(field.name);
        if (field.param == Param::size) {
            write_size(body, params.text(Param::size));
        } else {
            write_value(body, params[field.param]);
        }
    }
    const SchemaTraits &traits = traits_of(request.model);
    if (params.text(Param::moderation) == "low") {
        write_safety(body, traits);
    }
    if (traits.rewrites) {
        body.key("enable_prompt_expansion").boolean(false);
    }
    write_forwarded(body, request);
}

std::string fal_field_names() {
    std::string names(kOtherFields);
    for (const FalField &field : kFields) {
        names.append(" ").append(field.name);
    }
    return names;
}

std::string_view published_name_of(std::string_view fal_field) {
    const auto *row = std::find_if(std::begin(kFields), std::end(kFields),
                                   [=](const FalField &field) { return field.name == fal_field; });
    return row == std::end(kFields) ? fal_field : name_of(row->param);
}

}  // namespace gateway
