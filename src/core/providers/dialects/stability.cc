#include "core/providers/dialects/stability.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "core/providers/call_headers.h"
#include "core/providers/error_response.h"
#include "core/providers/image_inputs.h"
#include "core/providers/image_value.h"
#include "core/providers/multipart.h"
#include "core/providers/response_document.h"

namespace gateway {

namespace {

constexpr ErrorRule kErrors[] = {
    {ErrorRule::code, "payment_required", OutcomeType::out_of_quota, Reach::key},
    {ErrorRule::code, "content_moderation", OutcomeType::refused_by_policy},
    {ErrorRule::code, "public_figure", OutcomeType::refused_by_policy},
    {ErrorRule::code, "invalid_prompts", OutcomeType::refused_by_policy},
};

struct Field {
    std::string_view name;
    Param param;
};
constexpr Field kFields[] = {
    {"prompt", Param::prompt},
    {"negative_prompt", Param::negative_prompt},
    {"aspect_ratio", Param::aspect_ratio},
    {"output_format", Param::output_format},
    {"seed", Param::seed},
    {"cfg_scale", Param::guidance},
    {"strength", Param::strength},
};

constexpr std::string_view kModelField = "model";
constexpr std::string_view kModeField = "mode";

// All names that are not those of parameters.
constexpr const char *kOtherFields = "model mode image mask init_image style_image";

std::string field_names() {
    std::string names(kOtherFields);
    for (const Field &field : kFields) {
        names.append(" ").append(field.name);
    }
    return names;
}

const Field *field_named(std::string_view name) {
    const auto *field = std::find_if(std::begin(kFields), std::end(kFields),
                                     [=](const Field &row) { return row.name == name; });
    return field == std::end(kFields) ? nullptr : field;
}

constexpr std::string_view kStableDiffusion = "generate/sd3";
constexpr std::string_view kStyleTransfer = "control/style-transfer";

// Tools that change an image. Their names as models are their addresses.
constexpr std::string_view kTools[] = {
    "edit/inpaint",
    "edit/erase",
    "edit/outpaint",
    "edit/search-and-replace",
    "edit/search-and-recolor",
    "edit/remove-background",
    "control/sketch",
    "control/structure",
    "control/style",
    kStyleTransfer,
    "upscale/fast",
    "upscale/conservative",
};

// Two models that generate have addresses of their own. The Stable Diffusion models share one, and
// are chosen by a field.
std::string_view endpoint_of(std::string_view model) {
    if (model == "stable-image-ultra") {
        return "generate/ultra";
    }
    if (model == "stable-image-core") {
        return "generate/core";
    }
    const auto *tool = std::find(std::begin(kTools), std::end(kTools), model);
    return tool == std::end(kTools) ? kStableDiffusion : *tool;
}

void add_image(MultipartForm &form, std::string_view field, const InputImage &image) {
    const ImageFormat format = image.facts.format;
    form.add_file(field, file_name_of("image", format), media_type_of(format), image.content);
}

void add_inputs(MultipartForm &form, std::string_view endpoint, const ProviderRequest &request) {
    const CallInputs &inputs = request.inputs;
    if (endpoint.starts_with("generate/") && !request.params.has(Param::strength)) {
        // It is required. With 0 the image stays as it is, with 1 it has no influence.
        form.add("strength", "0.7");
    }
    if (endpoint == kStableDiffusion) {
        form.add(kModeField, "image-to-image");
    }
    const bool styles = endpoint == kStyleTransfer;
    add_image(form, styles ? "init_image" : "image", inputs.images[0]);
    if (styles && inputs.images.size() > 1) {
        add_image(form, "style_image", inputs.images[1]);
    }
    if (inputs.mask != nullptr) {
        form.add_file("mask", "mask.png", "image/png", inputs.mask->content);
    }
}

// "prompt: is required" is about the prompt.
std::string param_of(std::string_view problem) {
    const Field *field = field_named(problem.substr(0, problem.find(':')));
    return field == nullptr ? "" : std::string(name_of(field->param));
}

// {id, name, errors: ["…"]}
std::optional<ProviderError> read_envelope(JsonValue root) {
    if (!root["name"].is(JsonKind::string)) {
        return std::nullopt;
    }
    ProviderError error;
    error.code = told_text(root["name"]);
    for (const JsonValue problem : root["errors"]) {
        const std::string text = told_text(problem);
        if (error.param.empty()) {
            error.param = param_of(text);
        }
        error.message.append(error.message.empty() ? "" : "; ").append(text);
    }
    return error;
}

std::optional<int64_t> read_seed(std::string_view text) {
    int64_t seed = 0;
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), seed);
    return problem == std::errc() && stop == text.data() + text.size() ? std::optional(seed)
                                                                       : std::nullopt;
}

Outcome filtered(const HttpResponse &response) {
    Outcome outcome;
    outcome.type = OutcomeType::refused_by_policy;
    outcome.error = {response.status, "", "content_filtered",
                     "The generated image did not pass the provider's content filter.", ""};
    return outcome;
}

}  // namespace

Stability::Stability()
    : Dialect({.name = "stability",
               .takes_images = true,
               .written = WrittenFields(WrittenFields::Also::nothing, field_names())}) {}

Work Stability::begin(const ProviderRequest &request) const {
    const std::string_view endpoint = endpoint_of(request.model);
    MultipartForm form;
    for (const Field &field : kFields) {
        form.add(field.name, form_text(request.params[field.param]));
    }
    if (endpoint == kStableDiffusion) {
        form.add(kModelField, std::string(request.model));
    }
    for (const JsonValue field : request.forwarded) {
        form.add(field.key(), form_text(field));
    }
    if (request.inputs.any()) {
        add_inputs(form, endpoint, request);
    }

    HttpCall call;
    call.url = request.provider.url + "/v2beta/stable-image/" + std::string(endpoint);
    call.takes_image = true;
    std::move(form).move_into(call, request.random);
    add_headers(call, request, {.accept = "image/*"});
    return call;
}

Outcome Stability::read(const HttpResponse &response) const {
    auto image = read_image_body(response);
    if (!image) {
        const ResponseDocument document(response.body);
        return read_error(response, read_envelope(document.root()), kErrors);
    }
    // A filtered image is a blurred one with status 200. Only this header shows it.
    const std::string_view finish = response.header("finish-reason");
    if (finish == "CONTENT_FILTERED") {
        return filtered(response);
    }
    if (!finish.empty() && finish != "SUCCESS") {
        return unreadable(response,
                          "the finish reason is not SUCCESS: '" + std::string(finish) + "'");
    }
    Outcome outcome;
    outcome.type = OutcomeType::made;
    outcome.result.images.push_back(std::move(*image));
    outcome.result.images.front().seed = read_seed(response.header("seed"));
    return outcome;
}

}  // namespace gateway
