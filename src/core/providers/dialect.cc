#include "core/providers/dialect.h"

namespace gateway {

tl::expected<std::unique_ptr<Dialect>, std::string> Dialect::changed(
    std::span<const std::string_view> /*words*/) const {
    return tl::unexpected("api \"" + std::string(name()) + "\" takes no parameters");
}

// A dialect that says polling() overrides these.

HttpCall Dialect::poll(const ProviderRequest & /*request*/, const Job &job) const {
    HttpCall call;
    call.method = HttpMethod::get;
    call.url = job.poll_url;
    return call;
}

HttpCall Dialect::fetch(const ProviderRequest &request, const Job &job) const {
    Job done;
    done.poll_url = job.result_url;
    return poll(request, done);
}

Outcome Dialect::read_job(const HttpResponse &response, JsonValue /*root*/,
                          OutcomeType state) const {
    Outcome outcome;
    outcome.type = state;
    outcome.error.status = response.status;
    return outcome;
}

std::optional<HttpCall> Dialect::cancel(const ProviderRequest & /*request*/,
                                        const Job & /*job*/) const {
    return std::nullopt;
}

}  // namespace gateway
