#include "core/providers/dialects/fal.h"

#include <utility>

#include "core/providers/call_headers.h"
#include "core/providers/dialects/fal_input.h"
#include "core/providers/dialects/fal_result.h"
#include "core/providers/error_response.h"
#include "core/providers/image_inputs.h"
#include "core/providers/model_path.h"
#include "core/providers/request_body.h"
#include "core/providers/response_document.h"

namespace gateway {

namespace {

constexpr std::string_view kStateFields[] = {"status"};
// The documentation says that a failed job is COMPLETED and its result is an error. Clients have
// also seen FAILED.
constexpr PollState kStates[] = {
    {"COMPLETED", OutcomeType::made},
    {"FAILED", OutcomeType::broken},
    {"CANCELED", OutcomeType::unknown},
    {"CANCELLED", OutcomeType::unknown},
};
// The queue's host, and the second one under which it announces the first.
constexpr std::string_view kOwnHosts[] = {"queue.fal.run", "queue.falrun.com"};

constexpr PollRules kPolling = {
    .first = Milliseconds(500),
    .longest = Milliseconds(2'000),
    .growth_percent = 120,
    .state_fields = kStateFields,
    .states = kStates,
    .own_hosts = kOwnHosts,
};

constexpr HeaderForm kHeaders{.key = "Authorization: Key "};

bool is_success(const HttpResponse &response) {
    return response.status >= 200 && response.status < 300;
}

}  // namespace

// ---- one call

FalRun::FalRun(const char *name)
    : Dialect({.name = name,
               .takes_images = true,
               .written = WrittenFields(WrittenFields::Also::published, fal_field_names())}) {}

Work FalRun::begin(const ProviderRequest &request) const {
    const auto path = path_of_model(fal_endpoint(request));
    if (!path) {
        return no_such_model(request.model);
    }
    HttpCall call;
    call.url = request.provider.url + "/" + *path;
    if (request.inputs.any()) {
        JsonBody body;
        write_fal_input(body.out(), request);
        write_input_images(body, request.inputs, ImageText::data_url);
        body.out().close_object();
        std::move(body).move_into(call);
    } else {
        JsonWriter body;
        write_fal_input(body, request);
        body.close_object();
        set_json_body(call, std::move(body));
    }
    add_headers(call, request, kHeaders);
    return call;
}

Outcome FalRun::read(const HttpResponse &response) const {
    return read_fal_result(response, ResponseDocument(response.body).root());
}

// ---- the queue

Outcome Fal::read(const HttpResponse &response) const {
    const ResponseDocument document(response.body);
    const JsonValue root = document.root();
    if (!is_success(response)) {
        return read_fal_error(response, root);
    }
    // They cannot be built from the model's name: a job's addresses omit a part of it.
    Outcome outcome;
    outcome.type = OutcomeType::pending;
    outcome.job.poll_url = root["status_url"].string();
    outcome.job.result_url = root["response_url"].string();
    outcome.job.cancel_url = root["cancel_url"].string();
    if (outcome.job.poll_url.empty() || outcome.job.result_url.empty()) {
        return unreadable(response, "the response has no URL to poll the job at");
    }
    return outcome;
}

const PollRules &Fal::rules() const {
    return kPolling;
}

HttpCall Fal::poll(const ProviderRequest &request, const Job &job) const {
    return call_without_body(HttpMethod::get, job.poll_url, request, kHeaders);
}

Outcome Fal::read_job(const HttpResponse &response, JsonValue root, OutcomeType state) const {
    if (state != OutcomeType::made) {
        return read_fal_failure(response, root, state);
    }
    Outcome outcome = read_fal_result(response, root);
    if (response.status == 400 && outcome.error.message == "Request is still in progress") {
        outcome.type = OutcomeType::pending;
    } else if (!is_success(response) && !root["detail"]) {
        outcome.type = OutcomeType::unknown;  // the error is not the model's own
    }
    return outcome;
}

std::optional<HttpCall> Fal::cancel(const ProviderRequest &request, const Job &job) const {
    if (job.cancel_url.empty()) {
        return std::nullopt;
    }
    return call_without_body(HttpMethod::put, job.cancel_url, request, kHeaders);
}

}  // namespace gateway
