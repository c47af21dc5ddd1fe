// A dialect: a provider's API format. It writes requests and reads responses. The rest of the
// gateway knows providers only through this.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "core/catalog/catalog.h"
#include "core/http_call.h"
#include "core/outcome.h"
#include "core/ports.h"
#include "core/providers/polling.h"
#include "core/providers/provider.h"

namespace gateway {

// What a dialect is given to make its call of.
struct ProviderRequest {
    const Provider &provider;
    const ProviderKey *key;  // null where the provider has none
    std::string_view model;
    const Params &params;
    std::span<const JsonValue> passed;  // fields for the provider alone, as the caller wrote them
    std::string_view request_id;
    std::string_view idempotency_key;
    std::string_view traceparent;
    Random &random;
};

// Work for the task pool instead of a call: for what is made here.
struct LocalWork {
    Milliseconds delay{0};
    std::vector<std::function<Preview()>> previews;  // before it, one after the other
    std::function<Outcome()> make;
};

using Work = std::variant<HttpCall, LocalWork>;

// What an event of a provider's stream tells: nothing to us, what a picture looks like so far, one
// that is done, or how all has failed.
using StreamUpdate = std::variant<std::monostate, Preview, ImageResult, Outcome>;

class Dialect {
 public:
    virtual ~Dialect() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual bool needs_url() const { return true; }
    [[nodiscard]] virtual bool needs_key() const { return true; }
    // Whether "Model" and "model" are the same one to the provider.
    [[nodiscard]] virtual bool ignores_case() const { return false; }

    // The same with changes that an operator describes, or what is wrong with their description.
    [[nodiscard]] virtual tl::expected<std::unique_ptr<Dialect>, std::string> changed(
        std::span<const std::string_view> words) const;

    // Whether a field that the gateway does not know may go to the provider: not if the dialect
    // writes one of that name itself.
    [[nodiscard]] virtual bool passes(std::string_view /*field*/) const { return false; }

    [[nodiscard]] virtual Work begin(const ProviderRequest &request) const = 0;
    // Reads a whole answer (TransferEnd::answered). What did not arrive whole is judged without the
    // dialect.
    [[nodiscard]] virtual Outcome read(const HttpResponse &response) const = 0;

    // Whether what it began with these parameters may answer with a stream, and what an event of it
    // says.
    [[nodiscard]] virtual bool streams(const Params & /*params*/) const { return false; }
    [[nodiscard]] virtual StreamUpdate read_event(const ServerEvent & /*event*/) const {
        return {};
    }

    // Whether the first picture in an answer is the one that was asked for, so that it may be
    // handed on before the rest is there.
    [[nodiscard]] virtual bool answers_with_picture() const { return false; }

    // For providers that answer before the picture is there: how they are asked again, with the key
    // of the submit, and how the document of a job that has ended is read.
    [[nodiscard]] virtual const PollRules *polling() const { return nullptr; }
    // Where a key may go besides the configured address, as in core/net/origin.
    [[nodiscard]] virtual std::span<const std::string_view> own_hosts() const { return {}; }
    [[nodiscard]] virtual HttpCall poll(const ProviderRequest &request, const Job &job) const;
    // How the result of a job that is done is fetched, where its document does not hold it.
    [[nodiscard]] HttpCall fetch(const ProviderRequest &request, const Job &job) const;
    [[nodiscard]] virtual Outcome read_job(const HttpResponse &response, JsonValue root,
                                           OutcomeType state) const;
    // What tells the provider that nobody waits for the job any longer, where its API can.
    [[nodiscard]] virtual std::optional<HttpCall> cancel(const ProviderRequest &request,
                                                         const Job &job) const;
};

// Every dialect there is. The one place to add another.
std::span<const Dialect *const> dialects();
const Dialect *dialect_named(std::string_view name);

}  // namespace gateway
