#include "core/providers/dialects/cloudflare.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/json/writer.h"
#include "core/providers/call_headers.h"
#include "core/providers/error_response.h"
#include "core/providers/image_inputs.h"
#include "core/providers/image_value.h"
#include "core/providers/model_path.h"
#include "core/providers/multipart.h"
#include "core/providers/request_body.h"
#include "core/providers/response_document.h"
#include "core/request/geometry.h"

namespace gateway {

namespace {

constexpr ErrorRule kErrors[] = {
    // For the prompt or for the image.
    {ErrorRule::code, "3030", OutcomeType::refused_by_policy},
    {ErrorRule::code, "3036", OutcomeType::out_of_quota,
     Reach::key},  // the free neurons of the day; with a 429
    {ErrorRule::code, "10000", OutcomeType::our_credentials, Reach::key},
    {ErrorRule::code, "3023", OutcomeType::our_credentials, Reach::key},
    {ErrorRule::code, "3041", OutcomeType::our_credentials},
    {ErrorRule::code, "5016", OutcomeType::our_credentials},
    {ErrorRule::code, "5018", OutcomeType::our_credentials},
    {ErrorRule::code, "5007", OutcomeType::not_here},  // no such model, with a 400
    {ErrorRule::code, "3042", OutcomeType::not_here},
    {ErrorRule::code, "5005", OutcomeType::not_here},
    {ErrorRule::code, "5019", OutcomeType::not_here},
    {ErrorRule::code, "7000", OutcomeType::not_here},  // no such route or account
    {ErrorRule::code, "7003", OutcomeType::not_here},
    {ErrorRule::code, "3043", OutcomeType::broken},
    {ErrorRule::code, "3044", OutcomeType::broken},
};

// How requests for models differ. The first row counts whose `models` the model's name begins with.
struct ModelFamily {
    std::string_view models;
    bool form;
    std::string_view steps;
    bool seed;
};
constexpr ModelFamily kFamilies[] = {
    {"@cf/black-forest-labs/flux-1-", false, "steps", false},
    {"@cf/black-forest-labs/flux-2-", true, "steps", true},
    {"@cf/leonardo/", false, "num_steps", true},
    {"@cf/stabilityai/", false, "num_steps", true},
    {"@cf/bytedance/", false, "num_steps", true},
    {"@cf/lykon/", false, "num_steps", true},
    {"@cf/runwayml/", false, "num_steps", true},
};
// Unknown models get no seed unless one is requested.
constexpr ModelFamily kUnlistedFamily = {"", false, "num_steps", false};

const ModelFamily &family_of(std::string_view model) {
    const auto *family =
        std::find_if(std::begin(kFamilies), std::end(kFamilies),
                     [=](const ModelFamily &row) { return model.starts_with(row.models); });
    return family == std::end(kFamilies) ? kUnlistedFamily : *family;
}

constexpr const char *kWritten =
    "prompt negative_prompt width height steps num_steps guidance seed strength image image_b64 "
    "mask input_image_0 input_image_1 input_image_2 input_image_3";

// The fields that are sent, in JSON or in a form.
using Fields = std::vector<std::pair<std::string_view, ParamValue>>;

Fields fields_of(const Params &params, std::string_view steps, std::optional<int64_t> seed) {
    Fields fields = {{"prompt", params[Param::prompt]},
                     {"negative_prompt", params[Param::negative_prompt]}};
    if (const auto size = parse_size(params.text(Param::size))) {
        fields.insert(fields.end(), {{"width", size->width}, {"height", size->height}});
    }
    fields.insert(fields.end(), {{steps, params[Param::num_inference_steps]},
                                 {"guidance", params[Param::guidance]},
                                 {"strength", params[Param::strength]}});
    if (seed) {
        fields.emplace_back("seed", *seed);
    }
    return fields;
}

void write_form(const Fields &fields, const ProviderRequest &request, HttpCall &call) {
    MultipartForm form;
    for (const auto &[name, value] : fields) {
        form.add(name, form_text(value));
    }
    for (const JsonValue field : request.forwarded) {
        form.add(field.key(), form_text(field));
    }
    size_t number = 0;
    for (const InputImage &image : request.inputs.images) {
        form.add_file("input_image_" + std::to_string(number++),
                      file_name_of("image", image.facts.format), media_type_of(image.facts.format),
                      image.content);
    }
    std::move(form).move_into(call, request.random);
}

// Writes an object without its end.
void write_fields(JsonWriter &body, const Fields &fields, const ProviderRequest &request) {
    body.open_object();
    for (const auto &[name, value] : fields) {
        // They would use an empty negative prompt, so it is left out.
        if (value.index() != 0 && value != ParamValue(std::string_view())) {
            write_value(body.key(name), value);
        }
    }
    write_forwarded(body, request);
}

void write_json(const Fields &fields, const ProviderRequest &request, HttpCall &call) {
    JsonWriter body;
    write_fields(body, fields, request);
    body.close_object();
    set_json_body(call, std::move(body));
}

// They also take `image`, an array of numbers, which is four times as long.
void write_json_with_image(const Fields &fields, const ProviderRequest &request, HttpCall &call) {
    JsonBody body;
    write_fields(body.out(), fields, request);
    body.out().key("image_b64");
    body.image(request.inputs.images[0], ImageText::base64);
    body.out().close_object();
    std::move(body).move_into(call);
}

// {result, success, errors: [{code, message}], messages}
std::optional<ProviderError> read_envelope(JsonValue root) {
    const JsonValue error = root["errors"].at(0);
    if (!error.is(JsonKind::object)) {
        return std::nullopt;
    }
    ProviderError told;
    told.code = told_text(error["code"]);
    told.message = told_text(error["message"]);
    return told;
}

}  // namespace

CloudflareWorkersAi::CloudflareWorkersAi()
    : Dialect({.name = "cloudflare-workers-ai",
               .can_pass_through = true,
               .takes_images = true,
               .written = WrittenFields(WrittenFields::Also::nothing, kWritten)}) {}

Work CloudflareWorkersAi::begin(const ProviderRequest &request) const {
    const auto path = path_of_model(request.model);
    if (!path) {
        return no_such_model(request.model);
    }
    const ModelFamily &family = family_of(request.model);
    HttpCall call;
    call.url = request.provider.url + "/" + *path;
    call.takes_image = true;
    call.seed = request.seed(family.seed);
    const Fields fields = fields_of(request.params, family.steps, call.seed);
    if (family.form) {
        write_form(fields, request, call);
    } else if (request.inputs.any()) {
        write_json_with_image(fields, request, call);
    } else {
        write_json(fields, request, call);
    }
    add_headers(call, request, {.accept = ""});
    return call;
}

Outcome CloudflareWorkersAi::read(const HttpResponse &response) const {
    Outcome outcome;
    outcome.type = OutcomeType::made;
    if (auto image = read_image_body(response)) {
        outcome.result.images.push_back(std::move(*image));
        return outcome;
    }
    const ResponseDocument document(response.body);
    const JsonValue root = document.root();
    // A refusal may also have the status 200.
    if (response.status != 200 || root["success"].boolean() == false) {
        return read_error(response, read_envelope(root), kErrors);
    }
    const JsonValue value = root["result"]["image"];
    auto image = read_base64_image(value);
    if (!image) {
        image = read_image_link(value);
    }
    if (!image) {
        return unreadable(response, "the response contains no image");
    }
    outcome.result.images.push_back(std::move(*image));
    return outcome;
}

}  // namespace gateway
