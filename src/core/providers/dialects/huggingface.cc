#include "core/providers/dialects/huggingface.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/providers/call_headers.h"
#include "core/providers/error_response.h"
#include "core/providers/image_inputs.h"
#include "core/providers/image_value.h"
#include "core/providers/model_path.h"
#include "core/providers/request_body.h"
#include "core/providers/response_document.h"
#include "core/request/geometry.h"

namespace gateway {

namespace {

// There are no error codes, and a caller's mistakes have the same statuses.
constexpr ErrorRule kErrors[] = {
    {ErrorRule::message, "supported by provider", OutcomeType::not_here},
};

constexpr const char *kWritten =
    "inputs prompt width height target_size num_inference_steps guidance_scale negative_prompt "
    "seed";

// Behind the router the model is in the path. A dedicated endpoint has one model, at its root.
std::optional<std::string> address_of(const ProviderRequest &request) {
    const std::string &url = request.provider.url;
    if (!url.ends_with("/hf-inference")) {
        return url;
    }
    const auto path = path_of_model(request.model);
    return path ? std::optional(url + "/models/" + *path) : std::nullopt;
}

JsonWriter write_body(const ProviderRequest &request, int64_t seed) {
    const Params &params = request.params;
    JsonWriter body;
    body.open_object();
    body.key("inputs").string(params.text(Param::prompt));
    body.key("parameters").open_object();
    if (const auto size = parse_size(params.text(Param::size))) {
        body.key("width").number(size->width).key("height").number(size->height);
    }
    write_param(body, "num_inference_steps", params, Param::num_inference_steps);
    write_param(body, "guidance_scale", params, Param::guidance);
    write_param(body, "negative_prompt", params, Param::negative_prompt);
    body.key("seed").number(seed);
    write_forwarded(body, request);
    body.close_object().close_object();
    return body;
}

// The task "image-to-image": the prompt is a parameter, a size has another name, and there is no
// seed. Facts: huggingface.js of 2026-08-21.
JsonBody write_edit(const ProviderRequest &request) {
    const Params &params = request.params;
    JsonBody body;
    body.out().open_object().key("inputs");
    body.image(request.inputs.images[0], ImageText::base64);
    JsonWriter &out = body.out();
    out.key("parameters").open_object();
    write_param(out, "prompt", params, Param::prompt);
    if (const auto size = parse_size(params.text(Param::size))) {
        out.key("target_size").open_object();
        out.key("width").number(size->width).key("height").number(size->height);
        out.close_object();
    }
    write_param(out, "num_inference_steps", params, Param::num_inference_steps);
    write_param(out, "guidance_scale", params, Param::guidance);
    write_param(out, "negative_prompt", params, Param::negative_prompt);
    write_forwarded(out, request);
    out.close_object().close_object();
    return body;
}

// {error: "…"}, {error: ["…"]} or {error: {message}}
std::optional<ProviderError> read_envelope(JsonValue root) {
    const JsonValue error = root["error"];
    ProviderError told;
    if (error.is(JsonKind::object)) {
        told.message = told_text(error["message"]);
    } else if (error.is(JsonKind::array)) {
        told.message = told_text(error.at(0));
    } else {
        told.message = told_text(error);
    }
    return told.message.empty() ? std::nullopt : std::optional(std::move(told));
}

Outcome read_failure(const HttpResponse &response, JsonValue root) {
    Outcome outcome = read_error(response, read_envelope(root), kErrors);
    // While a model is being loaded, the response says how long that will take.
    const auto seconds = root["estimated_time"].number();
    if (!outcome.retry_after && seconds && *seconds > 0) {
        constexpr double kLongest = 3600;
        outcome.retry_after =
            std::chrono::milliseconds(static_cast<int64_t>(std::min(*seconds, kLongest) * 1000));
    }
    return outcome;
}

// Some servers behind it return a list instead of bytes.
std::vector<Image> read_listed_images(JsonValue root) {
    std::vector<Image> images;
    const auto take = [&](std::optional<Image> image) {
        if (image) {
            images.push_back(std::move(*image));
        }
    };
    for (const JsonValue item : root["data"]) {
        take(read_base64_image(item["b64_json"]));
    }
    for (const JsonValue link : root["output"]) {
        take(read_image_link(link));
    }
    return images;
}

}  // namespace

HuggingFace::HuggingFace()
    : Dialect({.name = "huggingface",
               .can_pass_through = true,
               .takes_images = true,
               .written = WrittenFields(WrittenFields::Also::nothing, kWritten)}) {}

Work HuggingFace::begin(const ProviderRequest &request) const {
    auto address = address_of(request);
    if (!address) {
        return no_such_model(request.model);
    }
    HttpCall call;
    call.url = std::move(*address);
    call.takes_image = true;
    if (request.inputs.any()) {
        write_edit(request).move_into(call);
    } else {
        // Identical requests are answered from a cache. A new seed makes them different.
        call.seed = request.seed(true);
        set_json_body(call, write_body(request, *call.seed));
    }
    add_headers(call, request, {.accept = "image/png"});
    return call;
}

Outcome HuggingFace::read(const HttpResponse &response) const {
    Outcome outcome;
    outcome.type = OutcomeType::made;
    if (auto image = read_image_body(response)) {
        outcome.result.images.push_back(std::move(*image));
        return outcome;
    }
    const ResponseDocument document(response.body);
    const JsonValue root = document.root();
    if (response.status != 200 || root["error"]) {
        return read_failure(response, root);
    }
    outcome.result.images = read_listed_images(root);
    return outcome.result.images.empty() ? unreadable(response, "the response contains no image")
                                         : std::move(outcome);
}

}  // namespace gateway
