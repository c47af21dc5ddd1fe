// A dialect: a provider's API format. It writes requests and reads responses. The rest of the
// gateway knows providers only through this.
//
//   Dialect      every provider: one request, one response
//     jobs()     JobApi, where the response may be a job that is polled
//     stream()   StreamApi, where the response may be a stream of events
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "core/http_call.h"
#include "core/outcome.h"
#include "core/ports.h"
#include "core/providers/job_api.h"
#include "core/providers/provider.h"
#include "core/providers/provider_request.h"
#include "core/providers/stream_api.h"
#include "core/providers/written_fields.h"

namespace gateway {

// Work for the task pool instead of a call: for images that are made here.
struct LocalWork {
    Milliseconds delay{0};
    std::vector<std::function<Preview()>> previews;  // run before `make`, one after another
    std::function<Outcome()> make;
};

using Work = std::variant<HttpCall, LocalWork>;

struct DialectTraits {
    std::string name;  // the argument of the directive `api`
    bool needs_url = true;
    bool needs_key = true;
    bool ignores_case = false;  // "Model" and "model" are the same one to the provider
    // The first image in a response is the requested one, so it may be passed through before the
    // rest of the response is there.
    bool can_pass_through = false;
    bool takes_images = false;    // it writes requests with input images
    bool takes_file_ids = false;  // also with images that the provider has
    WrittenFields written = WrittenFields(WrittenFields::Also::everything);
};

class Dialect {
 public:
    explicit Dialect(DialectTraits traits) : traits_(std::move(traits)) {}
    virtual ~Dialect() = default;

    [[nodiscard]] std::string_view name() const { return traits_.name; }
    [[nodiscard]] bool needs_url() const { return traits_.needs_url; }
    [[nodiscard]] bool needs_key() const { return traits_.needs_key; }
    [[nodiscard]] bool ignores_case() const { return traits_.ignores_case; }
    [[nodiscard]] bool can_pass_through() const { return traits_.can_pass_through; }
    [[nodiscard]] bool takes_images() const { return traits_.takes_images; }
    [[nodiscard]] bool takes_file_ids() const { return traits_.takes_file_ids; }
    [[nodiscard]] const WrittenFields &written_fields() const { return traits_.written; }

    // The same dialect with the changes that an operator describes, or what is wrong with the
    // description.
    [[nodiscard]] virtual tl::expected<std::unique_ptr<Dialect>, std::string> changed(
        std::span<const std::string_view> words) const;

    [[nodiscard]] virtual Work begin(const ProviderRequest &request) const = 0;
    // Reads a whole response (TransferEnd::answered). A response that did not arrive whole is
    // judged without the dialect.
    [[nodiscard]] virtual Outcome read(const HttpResponse &response) const = 0;

    // Null where the provider has no such thing.
    [[nodiscard]] virtual const JobApi *jobs() const { return nullptr; }
    [[nodiscard]] virtual const StreamApi *stream() const { return nullptr; }

 private:
    DialectTraits traits_;
};

// Every dialect there is. The one place to add another.
std::span<const Dialect *const> dialects();
const Dialect *dialect_named(std::string_view name);

}  // namespace gateway
