#include "core/providers/dialects/black_forest_labs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/glob.h"
#include "core/json/writer.h"
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

// The status of a rejected key may be 422, like that of a caller's mistake.
constexpr ErrorRule kErrors[] = {
    {ErrorRule::message, "invalid api key", OutcomeType::our_credentials},
};

constexpr HeaderForm kHeaders{.key = "x-key: "};

// A job belongs to a cluster, which has a host of its own.
constexpr std::string_view kOwnHosts[] = {"api.bfl.ai", "api.*.bfl.ai"};

constexpr std::string_view kStateFields[] = {"status", "state"};
constexpr PollState kStates[] = {
    {"Ready", OutcomeType::made},
    {"Request Moderated", OutcomeType::refused_by_policy},
    {"Content Moderated", OutcomeType::refused_by_policy},
    {"Error", OutcomeType::broken},
    {"Failed", OutcomeType::broken},
    {"Task not found", OutcomeType::not_here},
};
constexpr PollRules kPolling = {.first = Milliseconds(500),
                                .longest = Milliseconds(5'000),
                                .growth_percent = 130,
                                .grace = Milliseconds(2'000),
                                .state_fields = kStateFields,
                                .states = kStates,
                                .own_hosts = kOwnHosts};

// Differences between models that the catalogue does not have.
struct ModelFamily {
    std::string_view models;
    int64_t max_tolerance;              // highest safety_tolerance; 0 is strictest, 2 the default
    int64_t max_tolerance_of_edits;     // the same if there are input images
    bool takes_seed;                    // it does not always report a seed that it drew itself
    std::string_view prompt_rewriting;  // the field that controls rewriting of the prompt
    bool off;                           // the value that turns rewriting off
};
constexpr ModelFamily kFamilies[] = {
    {"flux-3-*", 4, 4, false, "grounding", false},
    {"flux-2-flex", 5, 5, true, "prompt_upsampling", false},
    {"flux-2-pro*", 5, 5, true, "disable_pup", true},
    {"flux-2-max", 5, 5, true, "disable_pup", true},
    {"flux-2-*", 5, 5, true, "", false},
    {"flux-kontext-*", 6, 2, true, "", false},
    {"flux-pro*", 6, 6, true, "", false},
    {"flux-dev", 6, 6, true, "", false},
    {"*", 4, 4, false, "", false},
};

const ModelFamily &family_of(std::string_view model) {
    return *std::find_if(
        std::begin(kFamilies), std::end(kFamilies),
        [=](const ModelFamily &family) { return glob_matches(family.models, model); });
}

// Fields without a published name that it writes, and fields that redirect the result.
constexpr const char *kOwnFields =
    "width height steps safety_tolerance grounding prompt_upsampling disable_pup webhook_url "
    "webhook_secret images image_prompt input_image input_image_2 input_image_3 input_image_4 "
    "input_image_5 input_image_6 input_image_7 input_image_8";

// Writes an object without its end.
void write_body(JsonWriter &body, const ProviderRequest &request, const ModelFamily &family,
                std::optional<int64_t> seed) {
    const Params &params = request.params;
    body.open_object();
    body.key("prompt").string(params.text(Param::prompt));
    if (const auto size = parse_size(params.text(Param::size))) {
        body.key("width").number(size->width);
        body.key("height").number(size->height);
    }
    write_param(body, "aspect_ratio", params, Param::aspect_ratio);
    write_param(body, "resolution", params, Param::resolution);
    write_param(body, "output_format", params, Param::output_format);
    if (seed) {
        body.key("seed").number(*seed);
    }
    write_param(body, "steps", params, Param::num_inference_steps);
    write_param(body, "guidance", params, Param::guidance);
    if (params.text(Param::moderation) == "low") {
        body.key("safety_tolerance")
            .number(request.inputs.any() ? family.max_tolerance_of_edits : family.max_tolerance);
    }
    if (!family.prompt_rewriting.empty()) {
        body.key(family.prompt_rewriting).boolean(family.off);
    }
    write_forwarded(body, request);
}

// In millionths of a dollar. A credit is a cent.
std::optional<int64_t> read_credits(JsonValue value) {
    constexpr double kMax = 1'000'000;
    constexpr double kMicroUsd = 10'000;
    const auto credits = value.number();
    return credits && *credits > 0 && *credits <= kMax
               ? std::optional<int64_t>(std::llround(*credits * kMicroUsd))
               : std::nullopt;
}

// "Content Moderated" becomes the code content_moderated, and with the details the message.
void tell_state(JsonValue root, ProviderError &error) {
    const std::string_view state =
        root["status"].string().empty() ? root["state"].string() : root["status"].string();
    error.message = state;
    for (const char c : state) {
        error.code += c == ' ' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    const JsonValue details = root["details"];
    if (details && !details.is(JsonKind::null)) {
        error.message += ": " + std::move(JsonWriter().copy(details)).finish_text();
    }
}

}  // namespace

BlackForestLabs::BlackForestLabs()
    : Dialect({.name = "black-forest-labs",
               .takes_images = true,
               .written = WrittenFields(WrittenFields::Also::published, kOwnFields)}) {}

Work BlackForestLabs::begin(const ProviderRequest &request) const {
    const ModelFamily &family = family_of(request.model);
    const auto segment = segment_of_model(request.model);
    if (!segment) {
        return no_such_model(request.model);
    }
    HttpCall call;
    call.seed = request.seed(family.takes_seed);
    if (request.inputs.any()) {
        JsonBody body;
        write_body(body.out(), request, family, call.seed);
        write_input_images(body, request.inputs, ImageText::base64);
        body.out().close_object();
        std::move(body).move_into(call);
    } else {
        JsonWriter body;
        write_body(body, request, family, call.seed);
        body.close_object();
        set_json_body(call, std::move(body));
    }
    call.url = request.provider.url + "/" + *segment;
    add_headers(call, request, kHeaders);
    return call;
}

Outcome BlackForestLabs::read(const HttpResponse &response) const {
    const ResponseDocument document(response.body);
    const JsonValue root = document.root();
    if (response.status != 200) {
        return read_detail_error(response, root, kErrors);
    }
    Outcome outcome;
    outcome.type = OutcomeType::pending;
    outcome.job.poll_url = root["polling_url"].string();
    outcome.job.cost = read_credits(root["cost"]);
    if (outcome.job.poll_url.empty()) {
        return unreadable(response, "the response has no polling URL");
    }
    return outcome;
}

const PollRules &BlackForestLabs::rules() const {
    return kPolling;
}

HttpCall BlackForestLabs::poll(const ProviderRequest &request, const Job &job) const {
    return call_without_body(HttpMethod::get, job.poll_url, request, kHeaders);
}

Outcome BlackForestLabs::read_job(const HttpResponse &response, JsonValue root,
                                  OutcomeType state) const {
    Outcome outcome = begin_job_outcome(response, state);
    if (state != OutcomeType::made) {
        tell_state(root, outcome.error);
        if (state == OutcomeType::not_here) {
            outcome.type = OutcomeType::unknown;  // it was accepted before, and may be billed
        }
        return outcome;
    }
    const JsonValue result = root["result"];
    auto image = read_image_link(result["sample"]);
    if (!image) {
        return unreadable(response, "the job is done, but contains no image");
    }
    constexpr size_t kLongestPrompt = size_t{256} * 1024;
    image->revised_prompt = result["prompt"].long_string(kLongestPrompt);
    image->seed = result["seed"].integer();
    outcome.result.images.push_back(std::move(*image));
    return outcome;
}

}  // namespace gateway
