#include "core/providers/dialects/openai_variants.h"

#include <algorithm>

#include "core/json/text.h"
#include "core/providers/dialects/openai_response.h"

namespace gateway {

namespace {

using Where = ErrorRule::Where;
using T = OutcomeType;

// With the status 404, which without this would mean that there is no such model. OpenAI's Files
// API says so of an id that it does not have, or that is another account's.
const std::vector<ErrorRule> kOpenAiErrors = {
    {Where::message, "no such file", T::callers_fault},
};

// Some errors have no code. Facts: clients of 2026, such as Vercel's AI SDK of 2026-08-22.
const std::vector<ErrorRule> kXaiErrors = {
    {Where::code, "imagine:content-moderated", T::refused_by_policy},
    {Where::message, "content moderation", T::refused_by_policy},
    {Where::message, "incorrect api key", T::our_credentials},
    {Where::message, "available credits", T::out_of_quota},
    {Where::message, "spending limit", T::out_of_quota},
};

// Facts: Microsoft's guide to image generation of 2026-04-17, and its REST examples.
const std::vector<ErrorRule> kAzureErrors = {
    {Where::code, "contentFilter", T::refused_by_policy},
    {Where::code, "content_filter", T::refused_by_policy},
    {Where::code, "ResponsibleAIPolicyViolation", T::refused_by_policy},
    {Where::code, "DeploymentNotFound", T::not_here},
    // The deployed model does not make images.
    {Where::code, "OperationNotSupported", T::not_here},
    // It concerns all prompts of the account.
    {Where::message, "temporarily blocked", T::our_credentials},
    {Where::code, "InternalServerError", T::broken},
    {Where::code, "EngineOverloaded", T::broken},
    {Where::status, "424", T::broken},
    // The image may have taken longer than Azure waits for its own servers.
    {Where::status, "408", T::unknown},
};

// Facts: Together's openapi.yaml of 2026-04-28.
const std::vector<ErrorRule> kTogetherErrors = {
    {Where::message, "nsfw", T::refused_by_policy},
    // About the prompt, with the status 403.
    {Where::message, "too long", T::callers_fault},
    {Where::status, "529", T::broken},
};

// The code is a status, also for a failure after a response had begun with 200. The message has the
// error of the provider behind OpenRouter. Facts: OpenRouter's typescript-sdk 1.2.54.
const std::vector<ErrorRule> kOpenRouterErrors = {
    {Where::code, kModeratedCode, T::refused_by_policy},
    {Where::message, "moderation", T::refused_by_policy},
    {Where::message, "moderated", T::refused_by_policy},
    {Where::message, "content_policy", T::refused_by_policy},
    {Where::message, "safety", T::refused_by_policy},
    {Where::message, "flagged", T::refused_by_policy},
    {Where::status, "400", T::callers_fault},
    {Where::status, "401", T::our_credentials},
    {Where::status, "402", T::out_of_quota},
    {Where::status, "403", T::our_credentials},
    {Where::status, "404", T::not_here},
    {Where::status, "408", T::unknown},
    {Where::status, "429", T::throttled},
    {Where::status, "500", T::broken},
    {Where::status, "503", T::broken},
    {Where::status, "529", T::broken},
};

// Facts: Recraft's API reference of autumn 2026, and its own MCP server's client.
const std::vector<ErrorRule> kRecraftErrors = {
    {Where::code, "not_enough_credits", T::out_of_quota, Reach::key},
    {Where::message, "nsfw", T::refused_by_policy},
    {Where::message, "moderation", T::refused_by_policy},
};

// The words of a refusal with status 400 are not documented; these are usual. Facts:
// new-api's and one-hub's adaptors of August 2026, and notes of 2026-09-18.
const std::vector<ErrorRule> kSiliconFlowErrors = {
    {Where::status, "451", T::refused_by_policy},
    {Where::message, "moderat", T::refused_by_policy},
    {Where::message, "sensitive", T::refused_by_policy},
    {Where::message, "nsfw", T::refused_by_policy},
    // Also with the status 504, which without this word would mean `unknown`.
    {Where::message, "overloaded", T::broken},
};

// Facts: vLLM-Omni's OpenAI entrypoint of 2026.
const std::vector<ErrorRule> kVllmErrors = {
    {Where::message, "model mismatch", T::not_here},
};

// With any status. Facts: new-api and one-hub of 2026-08-22, which most resellers run.
const std::vector<ErrorRule> kAggregatorErrors = {
    {Where::code, "insufficient_user_quota", T::out_of_quota, Reach::key},
    {Where::message, "quota", T::out_of_quota},
    {Where::message, "用户额度不足", T::out_of_quota},
    {Where::message, "invalid token", T::our_credentials},
    {Where::message, "无效的令牌", T::our_credentials},
    {Where::message, "no available channel", T::not_here},
    {Where::message, "无可用渠道", T::not_here},
    {Where::message, "moderat", T::refused_by_policy},
    {Where::message, "safety", T::refused_by_policy},
    {Where::message, "content_policy", T::refused_by_policy},
    {Where::message, "sensitive", T::refused_by_policy},
};

constexpr double kMillion = 1'000'000;

std::vector<OpenAiVariant> make_variants() {
    const OpenAiVariant::Field size_in_pixels{Param::size, "width", "height", {}};
    std::vector<OpenAiVariant> variants;
    using Inputs = OpenAiVariant::Inputs;
    const Inputs openai_inputs{.path = "/images/edits"};
    variants.push_back({.api = "openai",
                        .streams = true,
                        .inputs = {.path = "/images/edits", .file_ids = true},
                        .errors = kOpenAiErrors});
    variants.push_back({.api = "azure-openai",
                        .auth = "api-key: ",
                        .ignores_case = true,
                        .streams = true,
                        .inputs = openai_inputs,
                        .errors = kAzureErrors});
    // FLUX.2 in Microsoft Foundry. The deployment is the model in the body; the address has one of
    // two names. Facts: Microsoft's "Deploy and use FLUX models in Microsoft Foundry", and
    // LiteLLM's azure_ai of autumn 2026.
    variants.push_back(
        {.api = "azure-flux",
         .path = "/providers/blackforestlabs/v1/{model}?api-version=preview",
         .segments = {{"*flux*2*flex*", "flux-2-flex"}, {"*", "flux-2-pro"}},
         .auth = "api-key: ",
         .ignores_case = true,
         .fields = {size_in_pixels, {Param::num_inference_steps, "steps", "", {}}},
         .inputs = {.path = "/providers/blackforestlabs/v1/{model}?api-version=preview",
                    .form = Inputs::Form::numbered_base64,
                    .field = "input_image"},
         .errors = kAzureErrors});
    variants.push_back(
        {.api = "xai",
         .withholds = true,
         .inputs = {.path = "/images/edits",
                    .form = Inputs::Form::url_objects,
                    .field = "image",
                    .list = "images"},
         .cost = OpenAiVariant::CostField{{"usage", "cost_in_usd_ticks"}, kMillion / 1e10},
         .errors = kXaiErrors});
    variants.push_back(
        {.api = "together",
         .fields = {size_in_pixels,
                    {Param::num_inference_steps, "steps", "", {}},
                    {Param::guidance, "guidance_scale", "", {}},
                    {Param::response_format, "response_format", "", {{"b64_json", "base64"}}}},
         .inputs = {.path = "/images/generations",
                    .form = Inputs::Form::data_urls,
                    .field = "image_url",
                    .list = "reference_images"},
         .errors = kTogetherErrors});
    variants.push_back({.api = "openrouter",
                        .path = "/images",
                        .streams = true,
                        .inputs = {.path = "/images",
                                   .form = Inputs::Form::nested_urls,
                                   .list = "input_references"},
                        .cost = OpenAiVariant::CostField{{"usage", "cost"}, kMillion},
                        .errors = kOpenRouterErrors});
    variants.push_back({.api = "recraft",
                        .fields = {{Param::seed, "random_seed", "", {}},
                                   {Param::output_format, "image_format", "", {}}},
                        .needs_seed = true,
                        .inputs = {.path = "/images/imageToImage",
                                   .mask_path = "/images/inpaint",
                                   .variation_path = "/images/variateImage",
                                   .strength = 0.5,
                                   .variation_size = "1024x1024"},
                        .tools = {{"imageToImage", "recraftv3", true},
                                  {"inpaint", "recraftv3"},
                                  {"generateBackground", "recraftv3"},
                                  {"replaceBackground", "recraftv3"},
                                  {"outpaint", "recraftv3"},
                                  {"variateImage", "recraftv3"},
                                  {"eraseRegion", ""},
                                  {"removeBackground", ""},
                                  {"crispUpscale", ""},
                                  {"creativeUpscale", ""}},
                        .cost = OpenAiVariant::CostField{{"credits"}, kMillion / 1000},
                        .errors = kRecraftErrors});
    variants.push_back({.api = "siliconflow",
                        .fields = {{Param::n, "batch_size", "", {}},
                                   {Param::size, "image_size", "", {}},
                                   {Param::guidance, "guidance_scale", "", {}}},
                        .inputs = {.path = "/images/generations", .form = Inputs::Form::numbered},
                        .errors = kSiliconFlowErrors});
    variants.push_back({.api = "vllm-omni",
                        .needs_key = false,
                        .fields = {{Param::guidance, "guidance_scale", "", {}}},
                        .needs_seed = true,
                        .inputs = {.path = "/images/edits", .mask = "mask_image"},
                        .errors = kVllmErrors});
    variants.push_back({.api = "sd-server",
                        .needs_key = false,
                        .names_model = false,
                        .needs_seed = true,
                        .prompt_extras = true,
                        .inputs = {.path = "/images/edits", .field = "image[]"}});
    variants.push_back({.api = "aggregator",
                        .streams = true,
                        .inputs = openai_inputs,
                        .errors = kAggregatorErrors});
    return variants;
}

bool is_field_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
    });
}

// Whether a path has braces other than "{model}".
bool has_other_braces(std::string path) {
    constexpr std::string_view kPlace = "{model}";
    if (const size_t at = path.find(kPlace); at != std::string::npos) {
        path.erase(at, kPlace.size());
    }
    return path.find_first_of("{}") != std::string::npos;
}

tl::expected<std::string, std::string> read_path(std::string_view value) {
    if (value.front() != '/' || value.find_first_of("#\"\\") != std::string_view::npos ||
        has_other_braces(std::string(value))) {
        return tl::unexpected("invalid path \"" + std::string(value) +
                              "\", expected something like /images/generations");
    }
    return std::string(value);
}

// Edits move with generations: to the same path if they share it, else to the path beside it.
void move_edits(OpenAiVariant &variant, std::string_view from) {
    constexpr std::string_view kGenerations = "/images/generations";
    constexpr std::string_view kEdits = "/images/edits";
    std::string &edits = variant.inputs.path;
    const size_t at = variant.path.find(kGenerations);
    if (edits == from) {
        edits = variant.path;
    } else if (edits == kEdits && at != std::string::npos) {
        edits = variant.path;
        edits.replace(at, kGenerations.size(), kEdits);
    }
}

tl::expected<void, std::string> change_field(OpenAiVariant &variant, std::string_view text) {
    const size_t colon = text.find(':');
    const auto param = param_named(text.substr(0, colon));
    if (!param || colon == std::string_view::npos) {
        return tl::unexpected("\"" + std::string(text) +
                              "\" is not PARAMETER:FIELD, as in seed:random_seed");
    }
    std::string_view name = text.substr(colon + 1);
    OpenAiVariant::Field field{*param, "", "", {}};
    if (const size_t plus = name.find('+'); plus != std::string::npos && *param == Param::size) {
        field.second = name.substr(plus + 1);
        name = name.substr(0, plus);
        if (!is_field_name(field.second)) {
            return tl::unexpected("invalid fields \"" + std::string(text) +
                                  "\", expected something like size:width+height");
        }
    }
    if (name != "-") {
        if (!is_field_name(name)) {
            return tl::unexpected("invalid fields \"" + std::string(text) + "\", \"" +
                                  std::string(name) + "\" is no field's name");
        }
        field.name = name;
    }
    std::erase_if(variant.fields,
                  [&](const OpenAiVariant::Field &other) { return other.param == *param; });
    variant.fields.push_back(std::move(field));
    return {};
}

}  // namespace

const OpenAiVariant::Field *OpenAiVariant::field(Param param) const {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [=](const Field &row) { return row.param == param; });
    return found == fields.end() ? nullptr : &*found;
}

const OpenAiVariant::Tool *OpenAiVariant::tool(std::string_view model) const {
    const auto found = std::find_if(tools.begin(), tools.end(),
                                    [=](const Tool &row) { return row.name == model; });
    return found == tools.end() ? nullptr : &*found;
}

bool OpenAiVariant::sends(Param param) const {
    const Field *own = field(param);
    return own == nullptr || !own->name.empty();
}

std::span<const OpenAiVariant> openai_variants() {
    static const std::vector<OpenAiVariant> variants = make_variants();
    return variants;
}

namespace {

tl::expected<void, std::string> change(OpenAiVariant &variant, std::string_view word) {
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
    if (value.empty() || !is_visible_ascii(value)) {
        return tl::unexpected("invalid parameter \"" + std::string(word) + "\"");
    }
    if (name == "path" || (name == "edits" && value != "-")) {
        auto path = read_path(value);
        if (!path) {
            return tl::unexpected(std::move(path.error()));
        }
        (name == "path" ? variant.path : variant.inputs.path) = std::move(*path);
        return {};
    }
    if (name == "edits") {
        variant.inputs = {};
        return {};
    }
    if (name == "auth") {
        // A header's name, or `bearer`.
        if (value.find_first_of(":;,\"()<>@/[]?={}\\") != std::string_view::npos) {
            return tl::unexpected("invalid auth \"" + std::string(value) +
                                  "\", expected bearer or a header's name");
        }
        variant.auth = value == "bearer" ? "Authorization: Bearer " : std::string(value) + ": ";
        return {};
    }
    if (name == "fields") {
        for (std::string_view rest = value; !rest.empty();) {
            const size_t comma = rest.find(',');
            if (auto changed = change_field(variant, rest.substr(0, comma)); !changed) {
                return changed;
            }
            rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
        }
        return {};
    }
    return tl::unexpected("invalid parameter \"" + std::string(word) + "\"");
}

}  // namespace

tl::expected<void, std::string> change_variant(OpenAiVariant &variant,
                                               std::span<const std::string_view> words) {
    const std::string path = variant.path;
    bool names_edits = false;
    for (const std::string_view word : words) {
        if (auto changed = change(variant, word); !changed) {
            return changed;
        }
        names_edits = names_edits || word.starts_with("edits=");
    }
    if (!names_edits) {
        move_edits(variant, path);
    }
    return {};
}

}  // namespace gateway
