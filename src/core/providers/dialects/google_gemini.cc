#include "core/providers/dialects/google_gemini.h"

#include <algorithm>
#include <utility>

#include "core/providers/call_headers.h"
#include "core/providers/dialects/google_error.h"
#include "core/providers/error_response.h"
#include "core/providers/image_inputs.h"
#include "core/providers/image_value.h"
#include "core/providers/model_path.h"
#include "core/providers/request_body.h"
#include "core/providers/response_document.h"
#include "core/words.h"

namespace gateway {

namespace {

// ---- the request

// The four categories that can be set for every model. Others keep Google's defaults.
constexpr std::string_view kHarms[] = {
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
};

void write_shape(JsonWriter &body, const Params &params) {
    const std::string_view ratio = params.text(Param::aspect_ratio);
    const std::string_view tier = params.text(Param::resolution);
    if (ratio.empty() && tier.empty()) {
        return;
    }
    body.key("imageConfig").open_object();
    if (!ratio.empty()) {
        body.key("aspectRatio").string(ratio);
    }
    if (!tier.empty()) {
        body.key("imageSize").string(tier);
    }
    body.close_object();
}

void write_safety(JsonWriter &body) {
    body.key("safetySettings").open_array();
    for (const std::string_view harm : kHarms) {
        body.open_object();
        body.key("category").string(harm).key("threshold").string("BLOCK_ONLY_HIGH");
        body.close_object();
    }
    body.close_array();
}

// The prompt refers to the images by their order.
JsonBody write_body(const ProviderRequest &request, int64_t seed) {
    const Params &params = request.params;
    JsonBody document;
    JsonWriter &body = document.out();
    body.open_object().key("contents").open_array().open_object();
    body.key("role").string("user").key("parts").open_array();
    for (const InputImage &image : request.inputs.images) {
        body.open_object().key("inlineData").open_object();
        body.key("mimeType").string(media_type_of(image.facts.format)).key("data");
        document.image(image, ImageText::base64);
        body.close_object().close_object();
    }
    body.open_object().key("text").string(params.text(Param::prompt));
    body.close_object().close_array().close_object().close_array();

    body.key("generationConfig").open_object();
    body.key("responseModalities").open_array().string("IMAGE").close_array();
    write_shape(body, params);
    body.key("seed").number(seed).close_object();

    if (params.text(Param::moderation) == "low") {
        write_safety(body);
    }
    write_forwarded(body, request);
    body.close_object();
    return document;
}

// ---- the response: images

// An implausible count is taken for none.
int64_t count(JsonValue value) {
    constexpr int64_t kMax = 1'000'000'000;
    return std::clamp<int64_t>(value.integer().value_or(0), 0, kMax);
}

// Nothing if there are no details.
std::optional<int64_t> count_of(std::string_view modality, JsonValue details) {
    std::optional<int64_t> tokens;
    for (const JsonValue detail : details) {
        tokens = tokens.value_or(0);
        if (detail["modality"].string() == modality) {
            *tokens += count(detail["tokenCount"]);
        }
    }
    return tokens;
}

std::optional<Usage> read_usage(JsonValue value) {
    const int64_t made = count(value["candidatesTokenCount"]);
    if (made == 0) {
        return std::nullopt;  // without output tokens it is not the usage of an image
    }
    const int64_t thoughts = count(value["thoughtsTokenCount"]);
    Usage usage;
    usage.input_tokens = count(value["promptTokenCount"]);
    usage.input_image_tokens =
        std::min(usage.input_tokens, count_of("IMAGE", value["promptTokensDetails"]).value_or(0));
    usage.input_text_tokens = usage.input_tokens - usage.input_image_tokens;
    usage.output_tokens = made + thoughts;
    usage.output_image_tokens =
        std::min(made, count_of("IMAGE", value["candidatesTokensDetails"]).value_or(made));
    usage.output_text_tokens = usage.output_tokens - *usage.output_image_tokens;
    usage.total_tokens = usage.input_tokens + usage.output_tokens;
    return usage;
}

void collect_images(JsonValue candidates, std::vector<Image> &into) {
    for (const JsonValue candidate : candidates) {
        for (const JsonValue part : candidate["content"]["parts"]) {
            // Drafts from the model's thinking.
            if (part["thought"].boolean().value_or(false)) {
                continue;
            }
            if (auto image = read_base64_image(part["inlineData"]["data"])) {
                into.push_back(std::move(*image));
            }
        }
    }
}

// ---- the response: a success without images

// The text that the model wrote instead of an image.
std::string spoken(JsonValue candidate) {
    for (const JsonValue part : candidate["content"]["parts"]) {
        if (part["text"] && !part["thought"].boolean().value_or(false)) {
            return told_text(part["text"]);
        }
    }
    return "";
}

constexpr std::string_view kPolicyReasons =
    "SAFETY PROHIBITED_CONTENT BLOCKLIST SPII RECITATION IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT "
    "IMAGE_RECITATION";

Outcome refused(const HttpResponse &response, const char *what, std::string reason,
                std::string message) {
    Outcome outcome;
    outcome.type = OutcomeType::refused_by_policy;
    outcome.error.status = response.status;
    outcome.error.message =
        message.empty() ? std::string(what) + " was blocked: " + reason + "." : std::move(message);
    outcome.error.code = std::move(reason);
    return outcome;
}

Outcome read_refusal(const HttpResponse &response, JsonValue root) {
    const JsonValue feedback = root["promptFeedback"];
    if (std::string block = told_text(feedback["blockReason"]); !block.empty()) {
        return refused(response, "The prompt", std::move(block),
                       told_text(feedback["blockReasonMessage"]));
    }
    const JsonValue first = root["candidates"].at(0);
    std::string reason = told_text(first["finishReason"]);
    std::string message = told_text(first["finishMessage"]);
    if (is_one_of(reason, kPolicyReasons)) {
        return refused(response, "The image", std::move(reason), std::move(message));
    }
    // The text is billed.
    message = message.empty() ? spoken(first) : message;
    Outcome outcome = unreadable(
        response, "the response contains no image" + (message.empty() ? "" : ": " + message));
    if (!reason.empty() && reason != "STOP") {
        outcome.error.code = std::move(reason);
    }
    return outcome;
}

}  // namespace

// Google accepts both spellings of a field, and rejects a field that comes twice.
GoogleGemini::GoogleGemini()
    : Dialect(
          {.name = "google-gemini",
           .takes_images = true,
           .written = WrittenFields(WrittenFields::Also::published,
                                    "contents generationConfig generation_config safetySettings "
                                    "safety_settings")}) {}

Work GoogleGemini::begin(const ProviderRequest &request) const {
    const auto path = path_of_model(request.model);
    if (!path) {
        return no_such_model(request.model);
    }
    HttpCall call;
    call.url = request.provider.url + "/models/" + *path + ":generateContent";
    call.seed = request.seed(true);  // it never reports the seed that it used
    write_body(request, *call.seed).move_into(call);
    add_headers(call, request, {.key = "x-goog-api-key: "});
    return call;
}

Outcome GoogleGemini::read(const HttpResponse &response) const {
    const ResponseDocument document(response.body);
    const JsonValue root = document.root();
    if (response.status != 200 || root["error"].is(JsonKind::object)) {
        return read_google_error(response, root["error"]);
    }
    if (!document.is_json()) {
        return unreadable(response, document.problem());
    }
    Outcome outcome;
    outcome.type = OutcomeType::made;
    collect_images(root["candidates"], outcome.result.images);
    if (outcome.result.images.empty()) {
        return read_refusal(response, root);
    }
    outcome.result.usage = read_usage(root["usageMetadata"]);
    return outcome;
}

}  // namespace gateway
