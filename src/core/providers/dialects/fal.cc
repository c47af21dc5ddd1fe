#include "core/providers/dialects/fal.h"

#include <utility>

#include "core/providers/dialects/fal_input.h"
#include "core/providers/dialects/fal_result.h"
#include "core/providers/error_response.h"
#include "core/providers/model_path.h"

namespace gateway {

namespace {

constexpr std::string_view kStateFields[] = {"status"};
// By its documents a job that failed is completed too, and its result is an error. Others have seen
// it say so.
constexpr PollState kStates[] = {
    {"COMPLETED", OutcomeType::made},
    {"FAILED", OutcomeType::broken},
    {"CANCELED", OutcomeType::unknown},
    {"CANCELLED", OutcomeType::unknown},
};
constexpr PollRules kPolling = {
    .first = Milliseconds(500),
    .longest = Milliseconds(2'000),
    .growth_percent = 120,
    .state_fields = kStateFields,
    .states = kStates,
};

// The queue, and its second address, under which it tells the first.
constexpr std::string_view kOwnHosts[] = {"queue.fal.run", "queue.falrun.com"};

HttpCall call_to(std::string url, HttpMethod method, const ProviderRequest &request) {
    HttpCall call;
    call.method = method;
    call.url = std::move(url);
    call.headers.emplace_back("Accept: application/json");
    if (request.key != nullptr) {
        call.headers.push_back("Authorization: Key " + request.key->secret);
    }
    return call;
}

bool is_success(const HttpResponse &response) {
    return response.status >= 200 && response.status < 300;
}

}  // namespace

// ---- one call

bool FalRun::passes(std::string_view field) const {
    return !is_fal_field(field);
}

Work FalRun::begin(const ProviderRequest &request) const {
    const auto path = path_of_model(request.model);
    if (!path) {
        return no_such_model(request.model);
    }
    HttpCall call = call_to(request.provider.url + "/" + *path, HttpMethod::post, request);
    call.headers.emplace_back("Content-Type: application/json");
    if (!request.traceparent.empty()) {
        call.headers.push_back("traceparent: " + std::string(request.traceparent));
    }
    call.body = Bytes::copy_of(write_fal_input(request));
    return call;
}

Outcome FalRun::read(const HttpResponse &response) const {
    const auto document =
        JsonDocument::read(response.body.outline, kProvidersJson, &response.body.strings);
    return read_fal_result(response, document ? document->root() : JsonValue());
}

// ---- the queue

Outcome Fal::read(const HttpResponse &response) const {
    const auto document =
        JsonDocument::read(response.body.outline, kProvidersJson, &response.body.strings);
    const JsonValue root = document ? document->root() : JsonValue();
    if (!is_success(response)) {
        return read_fal_error(response, root);
    }
    // Not to be put together here: the addresses of a job leave out a part of its model's.
    Outcome outcome;
    outcome.type = OutcomeType::pending;
    outcome.job.poll_url = root["status_url"].string();
    outcome.job.result_url = root["response_url"].string();
    outcome.job.cancel_url = root["cancel_url"].string();
    if (outcome.job.poll_url.empty() || outcome.job.result_url.empty()) {
        return unreadable(response, "the answer does not say where to ask for the job");
    }
    return outcome;
}

const PollRules *Fal::polling() const {
    return &kPolling;
}

std::span<const std::string_view> Fal::own_hosts() const {
    return kOwnHosts;
}

HttpCall Fal::poll(const ProviderRequest &request, const Job &job) const {
    return call_to(job.poll_url, HttpMethod::get, request);
}

Outcome Fal::read_job(const HttpResponse &response, JsonValue root, OutcomeType state) const {
    if (state != OutcomeType::made) {
        return read_fal_failure(response, root, state);
    }
    Outcome outcome = read_fal_result(response, root);
    if (response.status == 400 && outcome.error.message == "Request is still in progress") {
        outcome.type = OutcomeType::pending;
    } else if (!is_success(response) && !root["detail"]) {
        outcome.type = OutcomeType::unknown;  // then it is not the model that speaks
    }
    return outcome;
}

std::optional<HttpCall> Fal::cancel(const ProviderRequest &request, const Job &job) const {
    if (job.cancel_url.empty()) {
        return std::nullopt;
    }
    return call_to(job.cancel_url, HttpMethod::put, request);
}

}  // namespace gateway
