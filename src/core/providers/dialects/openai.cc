#include "core/providers/dialects/openai.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/glob.h"
#include "core/providers/call_headers.h"
#include "core/providers/dialects/openai_response.h"
#include "core/providers/error_response.h"
#include "core/providers/image_value.h"
#include "core/providers/model_path.h"
#include "core/providers/multipart.h"
#include "core/providers/request_body.h"
#include "core/providers/response_document.h"
#include "core/random.h"
#include "core/request/geometry.h"

namespace gateway {

namespace {

// Classified by code first, then by type, then by status.
constexpr ErrorRule kErrors[] = {
    {ErrorRule::code, "moderation_blocked", OutcomeType::refused_by_policy},
    {ErrorRule::code, "content_policy_violation", OutcomeType::refused_by_policy},
    // A limit of spending, with the status 400.
    {ErrorRule::code, "billing_hard_limit_reached", OutcomeType::out_of_quota, Reach::key},
    {ErrorRule::code, "insufficient_quota", OutcomeType::out_of_quota, Reach::key},
    {ErrorRule::code, "credit_balance_exhausted", OutcomeType::out_of_quota, Reach::key},
    {ErrorRule::code, "organization_spend_limit_exceeded", OutcomeType::out_of_quota, Reach::key},
    {ErrorRule::code, "project_spend_limit_exceeded", OutcomeType::out_of_quota, Reach::key},
    {ErrorRule::code, "organization_usage_limit_exceeded", OutcomeType::out_of_quota, Reach::key},
    {ErrorRule::code, "invalid_api_key", OutcomeType::our_credentials, Reach::key},
    {ErrorRule::code, "unsupported_country_region_territory", OutcomeType::our_credentials,
     Reach::key},
    {ErrorRule::code, "model_not_found", OutcomeType::not_here},
    {ErrorRule::code, "rate_limit_exceeded", OutcomeType::throttled},
    {ErrorRule::code, "slow_down", OutcomeType::throttled},
    {ErrorRule::code, "server_is_overloaded", OutcomeType::broken},
    {ErrorRule::code, "image_generation_failed", OutcomeType::broken},
    {ErrorRule::type, "insufficient_quota", OutcomeType::out_of_quota, Reach::key},
    {ErrorRule::type, "billing_limit_user_error", OutcomeType::out_of_quota, Reach::key},
    {ErrorRule::type, "rate_limit_error", OutcomeType::throttled},
    {ErrorRule::type, "image_generation_user_error", OutcomeType::callers_fault},
};

void write_field(JsonWriter &out, const OpenAiVariant::Field &field, const ParamValue &value) {
    const auto *text = std::get_if<std::string_view>(&value);
    if (!field.second.empty()) {
        // For a size that is not in pixels ("auto") the fields are left out.
        if (const auto size = text == nullptr ? std::nullopt : parse_size(*text)) {
            out.key(field.name).number(size->width);
            out.key(field.second).number(size->height);
        }
        return;
    }
    out.key(field.name);
    for (const auto &[ours, theirs] : field.words) {
        if (text != nullptr && *text == ours) {
            out.string(theirs);
            return;
        }
    }
    write_value(out, value);
}

constexpr std::string_view kExtrasOpen = "<sd_cpp_extra_args>";
constexpr std::string_view kExtrasClose = "</sd_cpp_extra_args>";

// Removes all tags of the block from a text of the caller, also those that appear when another tag
// is removed: with a block of its own a caller could set anything.
std::string without_extras(std::string_view text) {
    std::string left;
    left.reserve(text.size());
    for (const char c : text) {
        left += c;
        for (const std::string_view tag : {kExtrasOpen, kExtrasClose}) {
            if (left.ends_with(tag)) {
                left.resize(left.size() - tag.size());
            }
        }
    }
    return left;
}

// sd-server reads all settings but size and format from a block in the prompt. Facts:
// stable-diffusion.cpp's examples/server/api.md of 2026-08-19.
std::string prompt_with_extras(const Params &params) {
    JsonWriter extras;
    extras.open_object();
    write_param(extras, "seed", params, Param::seed);
    if (params.has(Param::negative_prompt)) {
        extras.key("negative_prompt").string(without_extras(params.text(Param::negative_prompt)));
    }
    write_param(extras, "strength", params, Param::strength);
    if (params.has(Param::num_inference_steps) || params.has(Param::guidance)) {
        extras.key("sample_params").open_object();
        if (params.has(Param::num_inference_steps)) {
            extras.key("sample_steps").number(params.integer(Param::num_inference_steps, 0));
        }
        if (params.has(Param::guidance)) {
            extras.key("guidance").open_object().key("txt_cfg");
            write_value(extras, params[Param::guidance]);
            extras.close_object();
        }
        extras.close_object();
    }
    extras.close_object();
    return without_extras(params.text(Param::prompt)) + " " + std::string(kExtrasOpen) +
           std::move(extras).finish_text() + std::string(kExtrasClose);
}

constexpr bool is_in_extras(Param param) {
    return param == Param::seed || param == Param::negative_prompt ||
           param == Param::num_inference_steps || param == Param::guidance ||
           param == Param::strength;
}

void replace_model(std::string &path, std::string_view model) {
    constexpr std::string_view kPlace = "{model}";
    const size_t at = path.find(kPlace);
    if (at != std::string::npos) {
        path.replace(at, kPlace.size(), model);
    }
}

// {"file_id": "…"} or {"image_url": "data:…"}. Facts: OpenAI's openapi.yaml of 2026-08-21.
void write_reference(JsonBody &body, const InputImage &image) {
    body.out().open_object();
    if (image.has_content()) {
        body.out().key("image_url");
        body.image(image, ImageText::data_url);
    } else {
        body.out().key("file_id").string(image.file_id);
    }
    body.out().close_object();
}

void write_references(JsonBody &body, const CallInputs &inputs) {
    body.out().key("images").open_array();
    for (const InputImage &image : inputs.images) {
        write_reference(body, image);
    }
    body.out().close_array();
    if (inputs.mask != nullptr) {
        body.out().key("mask");
        write_reference(body, *inputs.mask);
    }
}

// The fields that may have input images. None of them is forwarded from a caller, who could send an
// image there that nobody has checked.
std::string names_of_images(const OpenAiVariant::Inputs &inputs) {
    if (inputs.path.empty()) {
        return {};
    }
    constexpr int kMaxNumber = 16;
    std::string names = inputs.field + " " + inputs.list + " " + inputs.mask + " ";
    for (int number = 2; number <= kMaxNumber; ++number) {
        const std::string digits = std::to_string(number);
        names += inputs.field + digits + " " + inputs.field + "_" + digits + " ";
    }
    return names;
}

DialectTraits traits_of(const OpenAiVariant &variant) {
    DialectTraits traits;
    traits.name = variant.api;
    traits.needs_key = variant.needs_key;
    traits.ignores_case = variant.ignores_case;
    traits.can_pass_through = !variant.withholds;
    traits.takes_images = !variant.inputs.path.empty();
    traits.takes_file_ids = traits.takes_images && variant.inputs.file_ids;
    std::string names = names_of_images(variant.inputs);
    for (const OpenAiVariant::Field &field : variant.fields) {
        names.append(field.name).append(" ").append(field.second).append(" ");
    }
    traits.written = WrittenFields(WrittenFields::Also::published, std::move(names));
    return traits;
}

}  // namespace

OpenAi::OpenAi(OpenAiVariant variant)
    : Dialect(traits_of(variant)), variant_(std::move(variant)), errors_(variant_.errors) {
    errors_.insert(errors_.end(), std::begin(kErrors), std::end(kErrors));
}

tl::expected<std::unique_ptr<Dialect>, std::string> OpenAi::changed(
    std::span<const std::string_view> words) const {
    OpenAiVariant variant = variant_;
    if (auto changed = change_variant(variant, words); !changed) {
        return tl::unexpected(std::move(changed.error()));
    }
    return std::make_unique<OpenAi>(std::move(variant));
}

// Writes an object without its end.
void OpenAi::write_body(JsonWriter &body, const ProviderRequest &request,
                        const Params &params) const {
    body.open_object();
    const OpenAiVariant::Tool *tool = variant_.tool(request.model);
    const std::string_view model = tool != nullptr ? std::string_view(tool->model) : request.model;
    if (variant_.names_model && !model.empty()) {
        body.key("model").string(model);
    }
    for (const Param param : all_params()) {
        const ParamValue &value = params[param];
        // After fitting, there are only parameters that this model takes.
        if (std::holds_alternative<std::monostate>(value)) {
            continue;
        }
        if (variant_.prompt_extras && (param == Param::prompt || is_in_extras(param))) {
            if (param == Param::prompt) {
                body.key("prompt").string(prompt_with_extras(params));
            }
            continue;
        }
        if (const OpenAiVariant::Field *field = variant_.field(param)) {
            if (!field->name.empty()) {
                write_field(body, *field, value);
            }
            continue;
        }
        body.key(name_of(param));
        write_value(body, value);
    }
    write_forwarded(body, request);
}

void OpenAi::add_required(Params &params, const ProviderRequest &request) const {
    const CallInputs &inputs = request.inputs;
    const OpenAiVariant::Inputs &required = variant_.inputs;
    const OpenAiVariant::Tool *tool = variant_.tool(request.model);
    const bool is_edit = inputs.any() && inputs.operation == Operation::edit;
    const bool takes_strength = tool == nullptr ? inputs.mask == nullptr : tool->takes_strength;
    if (is_edit && takes_strength && required.strength && !params.has(Param::strength)) {
        params[Param::strength] = *required.strength;
    }
    const bool is_variation = inputs.operation == Operation::variation;
    if (is_variation && !required.variation_size.empty() && !params.has(Param::size)) {
        params[Param::size] = std::string_view(required.variation_size);
    }
}

std::string OpenAi::path_of(const ProviderRequest &request) const {
    const CallInputs &inputs = request.inputs;
    const OpenAiVariant::Inputs &paths = variant_.inputs;
    if (const OpenAiVariant::Tool *tool = variant_.tool(request.model)) {
        return "/images/" + tool->name;
    }
    if (!inputs.any()) {
        return variant_.path;
    }
    if (inputs.operation == Operation::variation && !paths.variation_path.empty()) {
        return paths.variation_path;
    }
    return inputs.mask != nullptr && !paths.mask_path.empty() ? paths.mask_path : paths.path;
}

bool OpenAi::name_model(std::string &path, std::string_view model) const {
    if (path.find("{model}") == std::string::npos) {
        return true;
    }
    for (const auto &[pattern, segment] : variant_.segments) {
        if (glob_matches(pattern, model, 0)) {
            replace_model(path, segment);
            return true;
        }
    }
    const auto escaped = path_of_model(model);
    if (escaped) {
        replace_model(path, *escaped);
    }
    return escaped.has_value();
}

// A tool without a model draws nothing.
std::optional<int64_t> OpenAi::choose_seed(Params &params, const ProviderRequest &request) const {
    const OpenAiVariant::Tool *tool = variant_.tool(request.model);
    if (!variant_.sends(Param::seed)) {
        params.clear(Param::seed);
    } else if (variant_.needs_seed && !params.has(Param::seed) &&
               (tool == nullptr || !tool->model.empty())) {
        params[Param::seed] = random_seed(request.random);
    }
    return params.has(Param::seed) ? std::optional(params.integer(Param::seed, 0)) : std::nullopt;
}

void OpenAi::set_body(HttpCall &call, const ProviderRequest &request, const Params &params) const {
    const bool has_images = request.inputs.any();
    const bool has_file_ids = request.inputs.any_file_id();
    if (has_images && !has_file_ids && variant_.inputs.form == OpenAiVariant::Inputs::Form::parts) {
        set_form(call, request, params);
        return;
    }
    JsonBody body;
    write_body(body.out(), request, params);
    if (has_file_ids) {
        write_references(body, request.inputs);
    } else if (has_images) {
        write_images(body, request.inputs);
    }
    body.out().close_object();
    std::move(body).move_into(call);
}

void OpenAi::set_form(HttpCall &call, const ProviderRequest &request, const Params &params) const {
    JsonWriter body;
    write_body(body, request, params);
    const std::string text = std::move(body.close_object()).finish_text();
    MultipartForm form;
    if (const auto fields = JsonDocument::read(text, kProvidersJson)) {
        form.add_members(fields->root());
    }
    const CallInputs &inputs = request.inputs;
    const OpenAiVariant::Inputs &names = variant_.inputs;
    const std::string &name = inputs.images.size() == 1 ? names.field : names.list;
    for (const InputImage &image : inputs.images) {
        form.add_file(name, file_name_of("image", image.facts.format),
                      media_type_of(image.facts.format), image.content);
    }
    if (inputs.mask != nullptr) {
        form.add_file(names.mask, "mask.png", "image/png", inputs.mask->content);
    }
    std::move(form).move_into(call, request.random);
}

void OpenAi::write_images(JsonBody &body, const CallInputs &inputs) const {
    using Form = OpenAiVariant::Inputs::Form;
    const OpenAiVariant::Inputs &names = variant_.inputs;
    if (names.form == Form::numbered_base64) {
        write_input_images(body, inputs, ImageText::base64);
        return;
    }
    if (names.form == Form::numbered) {
        for (size_t i = 0; i < inputs.images.size(); ++i) {
            body.out().key(i == 0 ? names.field : names.field + std::to_string(i + 1));
            write_image(body, inputs.images[i]);
        }
        return;
    }
    const bool is_list =
        inputs.images.size() > 1 || inputs.spec->is_list || names.form == Form::nested_urls;
    body.out().key(is_list ? names.list : names.field);
    if (is_list) {
        body.out().open_array();
    }
    for (const InputImage &image : inputs.images) {
        write_image(body, image);
    }
    if (is_list) {
        body.out().close_array();
    }
}

void OpenAi::write_image(JsonBody &body, const InputImage &image) const {
    switch (variant_.inputs.form) {
        case OpenAiVariant::Inputs::Form::url_objects:
            body.out().open_object().key("type").string("image_url").key("url");
            body.image(image, ImageText::data_url);
            body.out().close_object();
            break;
        case OpenAiVariant::Inputs::Form::nested_urls:
            body.out().open_object().key("type").string("image_url");
            body.out().key("image_url").open_object().key("url");
            body.image(image, ImageText::data_url);
            body.out().close_object().close_object();
            break;
        default: body.image(image, ImageText::data_url); break;
    }
}

Work OpenAi::begin(const ProviderRequest &request) const {
    Params params = request.params;
    HttpCall call;
    if (!variant_.streams) {
        params.clear(Param::stream);
        params.clear(Param::partial_images);
    }
    call.seed = choose_seed(params, request);
    add_required(params, request);
    std::string path = path_of(request);
    if (!name_model(path, request.model)) {
        return no_such_model(request.model);
    }
    call.url = request.provider.url + path;
    set_body(call, request, params);
    add_headers(call, request, {.key = variant_.auth});
    call.add_header("X-Client-Request-Id", request.request_id);
    call.add_header("Idempotency-Key", request.idempotency_key);
    return call;
}

std::optional<int64_t> OpenAi::cost_of(JsonValue root) const {
    if (!variant_.cost) {
        return std::nullopt;
    }
    JsonValue value = root;
    for (const std::string &step : variant_.cost->path) {
        value = value[std::string_view(step)];
    }
    constexpr double kMax = 1e12;
    const auto number = value.number();
    return number && *number >= 0 && *number * variant_.cost->unit < kMax
               ? std::optional(static_cast<int64_t>(std::llround(*number * variant_.cost->unit)))
               : std::nullopt;
}

Outcome OpenAi::read(const HttpResponse &response) const {
    const ResponseDocument document(response.body);
    const JsonValue root = document.root();
    auto told = read_openai_error(response, root);
    if (response.status != 200 || told) {
        Outcome outcome = read_error(response, std::move(told), errors_);
        outcome.result.cost = cost_of(root);
        return outcome;
    }
    if (!document.is_json()) {
        return unreadable(response, document.problem());
    }
    Outcome outcome;
    outcome.type = OutcomeType::made;
    bool withheld = false;
    const auto take = [&](JsonValue item) {
        auto image = is_withheld(item) ? std::nullopt : read_openai_image(item);
        if (image) {
            outcome.result.images.push_back(std::move(*image));
        } else {
            withheld = withheld || is_withheld(item) || is_filtered(item);
        }
    };
    for (const JsonValue item : items_of(root)) {
        take(item);
    }
    // Tools answer with one image instead of a list.
    if (!variant_.tools.empty() && outcome.result.images.empty() &&
        root["image"].is(JsonKind::object)) {
        take(root["image"]);
    }
    if (outcome.result.images.empty() && withheld) {
        outcome.result.cost = cost_of(root);
        outcome.type = OutcomeType::refused_by_policy;
        outcome.error = {
            response.status, "", std::string(kModeratedCode),
            "The provider generated the image, but withheld it because of its content policy.", ""};
        return outcome;
    }
    if (outcome.result.images.empty()) {
        return unreadable(response, "the response contains no image");
    }
    // Of several images, it is not known which one the seed makes again.
    if (outcome.result.images.size() == 1) {
        outcome.result.images.front().seed = root["seed"].integer();
    }
    std::vector<Image> images = std::move(outcome.result.images);
    outcome.result = describe(root);
    outcome.result.images = std::move(images);
    return outcome;
}

ImageResult OpenAi::describe(JsonValue root) const {
    ImageResult result;
    result.size = root["size"].string();
    result.quality = root["quality"].string();
    result.background = root["background"].string();
    result.output_format = root["output_format"].string();
    result.usage = read_openai_usage(root["usage"]);
    result.cost = cost_of(root);
    return result;
}

bool OpenAi::streams(const Params &params) const {
    return variant_.streams && params[Param::stream] == ParamValue(true);
}

// Facts: OpenAI's openapi.yaml of 2026-08-21 and OpenRouter's typescript-sdk 1.2.54. An
// event that is not JSON is a heartbeat, or the "[DONE]" that some servers send last.
StreamUpdate OpenAi::read_event(const ServerEvent &event) const {
    const ResponseDocument document(event.data);
    const JsonValue root = document.root();
    if (!root.is(JsonKind::object)) {
        return {};
    }
    HttpResponse response;
    response.status = 200;
    if (auto told = read_openai_error(response, root)) {
        return read_error(response, std::move(told), errors_);
    }
    const std::string_view type = root["type"] ? root["type"].string() : event.name;
    if (type.ends_with(".partial_image")) {
        auto image = read_base64_image(root["b64_json"]);
        if (!image) {
            return {};  // some servers send an empty one first
        }
        return Preview{std::move(*image), root["partial_image_index"].integer().value_or(0),
                       describe(root)};
    }
    if (type.ends_with(".completed")) {
        auto image = read_openai_image(root);
        if (!image) {
            return {};
        }
        ImageResult made = describe(root);
        made.images.push_back(std::move(*image));
        return made;
    }
    return {};
}

}  // namespace gateway
