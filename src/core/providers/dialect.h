// A wire dialect: how one kind of provider is asked for images, and how its answers are read. The
// rest of the gateway knows providers only through this.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/catalog/catalog.h"
#include "core/http_call.h"
#include "core/outcome.h"
#include "core/ports.h"

namespace gateway {

class Dialect;

struct ProviderKey {
    std::string secret;
    int weight = 1;
};

// A configured provider. Read-only while requests run.
struct Provider {
    std::string name;
    const Dialect *dialect = nullptr;
    std::string url;  // without a slash at the end
    std::vector<ProviderKey> keys;
    HttpTimeouts timeouts;
    size_t answer_max = 0;  // 0: the location's
    std::string proxy;
    std::string ca_file;

    // For the sandbox: how it plays a real provider.
    struct Rehearsal {
        Milliseconds shortest{0};
        Milliseconds longest{0};
        struct Failure {
            OutcomeType outcome;
            int percent;
        };
        std::vector<Failure> failures;
    } rehearsal;
};

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
    std::function<Outcome()> make;
};

using Work = std::variant<HttpCall, LocalWork>;

class Dialect {
 public:
    virtual ~Dialect() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual bool needs_url() const { return true; }
    [[nodiscard]] virtual bool needs_key() const { return true; }

    // Whether a field that the gateway does not know may go to the provider: not if the dialect
    // writes one of that name itself.
    [[nodiscard]] virtual bool passes(std::string_view /*field*/) const { return false; }

    [[nodiscard]] virtual Work begin(const ProviderRequest &request) const = 0;
    // Reads a whole answer (Delivery::answered). What did not arrive whole is judged without the
    // dialect.
    [[nodiscard]] virtual Outcome read(const HttpReply &reply) const = 0;
};

// Every dialect there is. The one place to add another.
std::span<const Dialect *const> dialects();
const Dialect *dialect_named(std::string_view name);

}  // namespace gateway
