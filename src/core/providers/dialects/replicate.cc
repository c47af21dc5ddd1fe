#include "core/providers/dialects/replicate.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/json/writer.h"
#include "core/providers/call_headers.h"
#include "core/providers/dialects/replicate_input.h"
#include "core/providers/error_response.h"
#include "core/providers/image_inputs.h"
#include "core/providers/image_value.h"
#include "core/providers/request_body.h"
#include "core/providers/response_document.h"

namespace gateway {

namespace {

constexpr ErrorRule kErrors[] = {
    // A missing model, or one that the account may not use, may have the status 422 or 404.
    {ErrorRule::message, "version does not exist", OutcomeType::not_here},
};

// The reason of a failed prediction is only in the message.
constexpr ErrorRule kFailures[] = {
    {ErrorRule::message, "nsfw", OutcomeType::refused_by_policy},
    {ErrorRule::message, "flagged as sensitive", OutcomeType::refused_by_policy},
    {ErrorRule::message, "request moderated", OutcomeType::refused_by_policy},
    {ErrorRule::message, "content moderated", OutcomeType::refused_by_policy},
    {ErrorRule::code, "E005", OutcomeType::refused_by_policy},
};

constexpr std::string_view kOwnHosts[] = {"api.replicate.com"};

constexpr std::string_view kStateFields[] = {"status"};
constexpr PollState kStates[] = {
    {"succeeded", OutcomeType::made},
    {"successful", OutcomeType::made},
    {"failed", OutcomeType::broken},
    {"canceled", OutcomeType::unknown},  // while it ran; that time is billed
    {"aborted", OutcomeType::broken},    // before it ran
};
constexpr PollRules kPolling = {.first = Milliseconds(500),
                                .longest = Milliseconds(5'000),
                                .growth_percent = 130,
                                .state_fields = kStateFields,
                                .states = kStates,
                                .own_hosts = kOwnHosts};

// How long the response to a submit may wait for the image. A short time, because the prediction
// cannot be cancelled before its id is known.
constexpr std::string_view kPrefer = "Prefer: wait=5";

// When Replicate cancels the prediction by itself, in case the gateway cannot.
std::string cancel_after(const HttpTimeouts &timeouts) {
    constexpr std::chrono::seconds kShortest(5);
    constexpr std::chrono::seconds kLongest(24 * 3600);
    const auto time = std::chrono::ceil<std::chrono::seconds>(timeouts.total);
    return "Cancel-After: " + std::to_string(std::clamp(time, kShortest, kLongest).count()) + "s";
}

// "It failed. (E1001)" and "It failed (code: PA)": the code; empty if there is none.
std::string code_in(std::string_view message) {
    const size_t open = message.rfind('(');
    const size_t close = message.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
        return {};
    }
    std::string_view code = message.substr(open + 1, close - open - 1);
    constexpr std::string_view kLabel = "code: ";
    if (code.starts_with(kLabel)) {
        code.remove_prefix(kLabel.size());
    }
    constexpr size_t kLongest = 8;
    const bool is_code = !code.empty() && code.size() <= kLongest &&
                         std::all_of(code.begin(), code.end(), [](char c) {
                             return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
                         });
    return is_code ? std::string(code) : std::string();
}

constexpr std::string_view kWaitMark = "resets in ~";

// "Your rate limit resets in ~30s."
std::optional<Milliseconds> wait_in(std::string_view message) {
    const size_t mark = message.find(kWaitMark);
    if (mark == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view rest = message.substr(mark + kWaitMark.size());
    int64_t seconds = 0;
    const auto [stop, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), seconds);
    constexpr int64_t kMax = 24 * 3600;
    const bool is_time = problem == std::errc() && stop != rest.data() + rest.size() &&
                         *stop == 's' && seconds >= 0 && seconds <= kMax;
    return is_time ? std::optional(Milliseconds(seconds * 1'000)) : std::nullopt;
}

Outcome read_refusal(const HttpResponse &response, JsonValue root) {
    Outcome outcome = read_detail_error(response, root, kErrors);
    const std::string_view field = root["invalid_fields"].at(0)["field"].string();
    constexpr std::string_view kInput = "input.";
    outcome.error.param = field.substr(field.starts_with(kInput) ? kInput.size() : 0);
    if (outcome.type == OutcomeType::throttled && !outcome.retry_after) {
        outcome.retry_after = wait_in(outcome.error.message);
        outcome.from_words.wait = kWaitMark;
    }
    return outcome;
}

// A link or base64, or a list or an object of these: it depends on the model.
void collect_images(JsonValue output, std::vector<Image> &images) {
    if (output.is(JsonKind::array)) {
        for (const JsonValue item : output) {
            collect_images(item, images);
        }
        return;
    }
    for (const char *name : {"images", "image", "url"}) {
        if (const JsonValue member = output[name]) {
            collect_images(member, images);
            return;
        }
    }
    auto image = read_image_link(output);
    if (!image) {
        image = read_base64_image(output);
    }
    if (image) {
        images.push_back(std::move(*image));
    }
}

// Writes the document without the ends of its two objects.
void write_prediction(JsonWriter &body, const ProviderRequest &request, const InputNames &names,
                      std::optional<int64_t> seed) {
    body.open_object().key("version").string(request.model);
    body.key("input").open_object();
    write_input(body, request, names, seed);
    write_forwarded(body, request);
}

}  // namespace

Replicate::Replicate()
    : Dialect({.name = "replicate",
               .takes_images = true,
               .written = WrittenFields(WrittenFields::Also::published, replicate_field_names())}) {
}

Work Replicate::begin(const ProviderRequest &request) const {
    const InputNames &names = input_names(request.model);
    HttpCall call;
    call.seed = request.seed(names.takes_seed);
    if (request.inputs.any()) {
        JsonBody body;
        write_prediction(body.out(), request, names, call.seed);
        write_input_images(body, request.inputs, ImageText::data_url);
        body.out().close_object().close_object();
        std::move(body).move_into(call);
    } else {
        JsonWriter body;
        write_prediction(body, request, names, call.seed);
        body.close_object().close_object();
        set_json_body(call, std::move(body));
    }
    call.url = request.provider.url + "/predictions";
    add_headers(call, request);
    call.headers.emplace_back(kPrefer);
    call.headers.push_back(cancel_after(request.provider.timeouts));
    return call;
}

Outcome Replicate::read(const HttpResponse &response) const {
    const ResponseDocument document(response.body);
    const JsonValue root = document.root();
    if (response.status < 200 || response.status >= 300) {
        return read_refusal(response, root);
    }
    const auto state = state_of(root, kPolling);
    if (!state) {
        return unreadable(response, "the response is not a prediction");
    }
    if (*state != OutcomeType::pending) {
        return read_job(response, root, *state);
    }
    Outcome outcome;
    outcome.type = OutcomeType::pending;
    outcome.job.poll_url = root["urls"]["get"].string();
    outcome.job.cancel_url = root["urls"]["cancel"].string();
    if (outcome.job.poll_url.empty()) {
        return unreadable(response, "the prediction has no URL to poll");
    }
    return outcome;
}

const PollRules &Replicate::rules() const {
    return kPolling;
}

HttpCall Replicate::poll(const ProviderRequest &request, const Job &job) const {
    return call_without_body(HttpMethod::get, job.poll_url, request);
}

Outcome Replicate::read_job(const HttpResponse &response, JsonValue root, OutcomeType state) const {
    Outcome outcome = begin_job_outcome(response, state);
    if (state == OutcomeType::made) {
        collect_images(root["output"], outcome.result.images);
        return outcome.result.images.empty()
                   ? unreadable(response, "the prediction succeeded, but contains no image")
                   : std::move(outcome);
    }
    constexpr size_t kLongestError = size_t{64} * 1024;
    outcome.error.message = root["error"].long_string(kLongestError);
    outcome.error.code = code_in(outcome.error.message);
    if (outcome.error.message.empty()) {
        outcome.error.message =
            "the prediction ended with the status " + std::string(root["status"].string());
    }
    if (const ErrorRule *rule = find_rule(outcome.error, kFailures);
        rule != nullptr && state == OutcomeType::broken) {
        outcome.type = rule->outcome;
    }
    return outcome;
}

std::optional<HttpCall> Replicate::cancel(const ProviderRequest &request, const Job &job) const {
    if (job.cancel_url.empty()) {
        return std::nullopt;
    }
    return call_without_body(HttpMethod::post, job.cancel_url, request);
}

}  // namespace gateway
