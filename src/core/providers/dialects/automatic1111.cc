#include "core/providers/dialects/automatic1111.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/json/writer.h"
#include "core/providers/call_headers.h"
#include "core/providers/error_response.h"
#include "core/providers/image_inputs.h"
#include "core/providers/image_value.h"
#include "core/providers/request_body.h"
#include "core/providers/response_document.h"
#include "core/request/geometry.h"

namespace gateway {

namespace {

// The fields that it writes, and those that change the number of images or where they are stored.
constexpr const char *kWritten =
    "prompt negative_prompt width height steps cfg_scale distilled_cfg_scale seed n_iter "
    "batch_size "
    "override_settings override_settings_restore_afterwards send_images save_images "
    "init_images mask denoising_strength inpainting_fill inpaint_full_res inpainting_mask_invert";

// This model name stands for the checkpoint that the server has loaded.
constexpr std::string_view kLoaded = "loaded";

bool is_flux(std::string_view checkpoint) {
    constexpr std::string_view kName = "flux";
    const auto same = [](char a, char b) { return (a | 0x20) == b; };
    return std::search(checkpoint.begin(), checkpoint.end(), kName.begin(), kName.end(), same) !=
           checkpoint.end();
}

// Flux is a distilled model: its guidance has another name, and the usual cfg_scale must be 1.
void write_guidance(JsonWriter &body, std::string_view checkpoint, const Params &params) {
    const bool flux = is_flux(checkpoint);
    if (flux) {
        body.key("cfg_scale").number(int64_t{1});
    }
    if (const auto *guidance = std::get_if<double>(&params[Param::guidance])) {
        body.key(flux ? "distilled_cfg_scale" : "cfg_scale").number(*guidance);
    }
}

// Writes an object without its end, with all but the images and what belongs to them.
void write_fields(JsonWriter &body, const ProviderRequest &request) {
    const Params &params = request.params;
    body.open_object();
    body.key("prompt").string(params.text(Param::prompt));
    write_param(body, "negative_prompt", params, Param::negative_prompt);
    if (const auto size = parse_size(params.text(Param::size))) {
        body.key("width").number(size->width).key("height").number(size->height);
    }
    // The default of the web page. The API's own default is 50.
    constexpr int64_t kUsualSteps = 20;
    body.key("steps").number(params.integer(Param::num_inference_steps, kUsualSteps));
    write_guidance(body, request.model, params);
    write_param(body, "seed", params, Param::seed);
    // One image after another (n_iter), so that they need no more GPU memory than one.
    body.key("n_iter").number(params.integer(Param::n, 1));
    if (request.model != kLoaded) {
        body.key("override_settings").open_object();
        body.key("sd_model_checkpoint").string(request.model).close_object();
    }
    write_forwarded(body, request);
}

// The server turns an image as its EXIF data says before it uses it. A side must be a multiple
// of 8.
Pixels size_of(const ImageFacts &facts) {
    const auto side = [](int64_t pixels) { return std::max<int64_t>(8, (pixels + 4) / 8 * 8); };
    const Pixels size = shown_size(facts);
    return {side(size.width), side(size.height)};
}

// Facts: Forge's api and processing modules of 2025-06-26.
void write_inputs(JsonBody &body, const ProviderRequest &request) {
    const CallInputs &inputs = request.inputs;
    const InputImage &image = inputs.images[0];
    JsonWriter &out = body.out();
    if (!request.params.has(Param::size)) {
        // The server's own default is 512 x 512, whatever the image is.
        const Pixels size = size_of(image.facts);
        out.key("width").number(size.width).key("height").number(size.height);
    }
    if (request.params.has(Param::strength)) {
        write_param(out, "denoising_strength", request.params, Param::strength);
    } else if (inputs.operation == Operation::variation) {
        // There is no prompt that says what to keep. The server's default is 0.75.
        out.key("denoising_strength").number(0.5);
    }
    // Several images would be edited one by one.
    out.key("init_images").open_array();
    body.image(image, ImageText::base64);
    body.out().close_array();
    if (inputs.mask != nullptr) {
        body.out().key("mask");
        body.image(*inputs.mask, ImageText::base64);
        // Begin with the image's own pixels, and show the model the whole image. By default it
        // sees the masked area only, which a prompt about the whole image does not fit.
        body.out().key("inpainting_fill").number(int64_t{1});
        body.out().key("inpaint_full_res").boolean(false);
    }
}

// The mask was turned to fit the image's stored pixels. The server turns the image, but not the
// mask, so that another area would be edited.
LocalWork mask_does_not_fit() {
    LocalWork work;
    work.make = [] {
        Outcome outcome;
        outcome.type = OutcomeType::callers_fault;
        outcome.error.code = "invalid_mask";
        outcome.error.param = "mask";
        outcome.error.message =
            "This provider takes no mask for an image with an EXIF orientation. Store the image as "
            "it is shown, and send it again.";
        return outcome;
    };
    return work;
}

// {error, detail, errors}, or FastAPI's own {detail: "…"} and {detail: [{loc, msg}]}
std::optional<ProviderError> read_envelope(JsonValue root) {
    const JsonValue detail = root["detail"];
    if (!detail && !root["error"].is(JsonKind::string)) {
        return std::nullopt;
    }
    ProviderError told;
    told.code = told_text(root["error"]);
    if (detail.is(JsonKind::array)) {
        const JsonValue where = detail.at(0)["loc"];
        told.param = told_text(where.at(where.size() == 0 ? 0 : where.size() - 1));
        told.message = told_text(detail.at(0)["msg"]);
    } else {
        told.message = told_text(detail);
    }
    if (told.message.empty()) {
        told.message = told_text(root["errors"]);
    }
    return told;
}

Outcome read_failure(const HttpResponse &response, JsonValue root) {
    Outcome outcome = read_error(response, read_envelope(root), {});
    // Forge says this with a 500; other servers use the loaded model instead.
    const std::string &message = outcome.error.message;
    if (outcome.type == OutcomeType::broken && message.starts_with("model ") &&
        message.ends_with(" not found")) {
        outcome.type = OutcomeType::not_here;
    }
    return outcome;
}

// The field "info": a text that is JSON and describes the images.
class Info {
 public:
    explicit Info(JsonValue text)
        : text_(text.long_string(kLongest)), document_(JsonDocument::read(text_, kProvidersJson)) {}

    // The first image of its own. A grid of all images may precede it.
    [[nodiscard]] size_t first() const {
        const auto index = root()["index_of_first_image"].integer();
        return index && *index > 0 ? static_cast<size_t>(*index) : 0;
    }
    // One seed for each image, if any. Extra images of a script, such as outlines, may follow.
    [[nodiscard]] JsonValue seeds() const { return root()["all_seeds"]; }

 private:
    static constexpr size_t kLongest = size_t{1024} * 1024;
    [[nodiscard]] JsonValue root() const { return document_ ? document_->root() : JsonValue(); }

    std::string text_;
    tl::expected<JsonDocument, JsonError> document_;
};

std::vector<Image> read_images(JsonValue root) {
    const Info info(root["info"]);
    const JsonValue seeds = info.seeds();
    const bool all = seeds.size() == 0;
    auto seed = seeds.begin();
    size_t before = info.first();
    std::vector<Image> images;
    for (const JsonValue item : root["images"]) {
        if (before > 0) {
            --before;
            continue;
        }
        if (!all && !(seed != seeds.end())) {
            break;
        }
        if (auto image = read_base64_image(item)) {
            image->seed = all ? std::nullopt : (*seed).integer();
            images.push_back(std::move(*image));
        }
        if (!all) {
            ++seed;
        }
    }
    return images;
}

}  // namespace

Automatic1111::Automatic1111()
    : Dialect({.name = "automatic1111",
               .needs_key = false,
               .can_pass_through = true,
               .takes_images = true,
               .written = WrittenFields(WrittenFields::Also::nothing, kWritten)}) {}

Work Automatic1111::begin(const ProviderRequest &request) const {
    const CallInputs &inputs = request.inputs;
    if (inputs.mask != nullptr && inputs.images[0].facts.orientation != 1) {
        return mask_does_not_fit();
    }
    HttpCall call;
    call.seed = request.seed(false);
    if (inputs.any()) {
        call.url = request.provider.url + "/sdapi/v1/img2img";
        JsonBody body;
        write_fields(body.out(), request);
        write_inputs(body, request);
        body.out().close_object();
        std::move(body).move_into(call);
    } else {
        call.url = request.provider.url + "/sdapi/v1/txt2img";
        JsonWriter body;
        write_fields(body, request);
        body.close_object();
        set_json_body(call, std::move(body));
    }
    add_headers(call, request, {.key = "Authorization: Basic ", .is_basic = true});
    return call;
}

Outcome Automatic1111::read(const HttpResponse &response) const {
    const ResponseDocument document(response.body);
    const JsonValue root = document.root();
    if (response.status != 200) {
        return read_failure(response, root);
    }
    Outcome outcome;
    outcome.type = OutcomeType::made;
    outcome.result.images = read_images(root);
    return outcome.result.images.empty() ? unreadable(response, "the response contains no image")
                                         : std::move(outcome);
}

}  // namespace gateway
