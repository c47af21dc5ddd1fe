// A configured provider: its address, its keys, and the rules for its failures. Read-only while
// requests run.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/http_call.h"
#include "core/limits/breaker.h"
#include "core/limits/health.h"
#include "core/outcome.h"
#include "core/tracing/trace.h"

namespace gateway {

class Dialect;

struct ProviderKey {
    std::string secret;
    int weight = 1;
    Account account{};  // under which its rest is recorded
};

// How often and how soon a call is repeated.
struct RetryRules {
    int attempts = 2;  // in all, for each call
    std::chrono::milliseconds shortest_pause{500};
    std::chrono::milliseconds longest_pause{8'000};
    std::chrono::milliseconds within{10'000};  // after the first attempt
};

struct Provider {
    std::string name;
    const Dialect *dialect = nullptr;
    std::shared_ptr<const Dialect> own_dialect;  // if the operator changed one by parameters
    std::string url;                             // without a slash at the end
    std::vector<ProviderKey> keys;
    HttpTimeouts timeouts;
    RetryRules retry;
    BreakerRules breaker;
    int max_calls = 0;               // at once, over all workers; 0: no limit
    bool takes_idempotency = false;  // a repeated key is not billed again
    // Whose files the ids are that callers send, as the operator says. "off": no ids are sent.
    std::string file_account = {};
    bool has_native_http = true;  // HTTP of our own where that can
    TraceMode trace = TraceMode::on;
    size_t answer_max = 0;  // 0: the location's
    std::string proxy;      // may contain a password
    // Texts that must not appear in logs and replies: the keys, and the proxy's user and password
    // in all their forms.
    std::vector<std::string> secrets;
    std::string ca_file;
    Account account{};  // under which its calls are counted

    // For the sandbox: simulated delays and failures.
    struct Rehearsal {
        std::chrono::milliseconds shortest{0};
        std::chrono::milliseconds longest{0};
        struct Failure {
            OutcomeType outcome;
            int percent;
        };
        std::vector<Failure> failures;
    } rehearsal;

    // Models whose accounts were needed last: each takes a SHA-256.
    struct KnownModel {
        std::string name;
        Account account{};
    };
    mutable std::array<KnownModel, 4> known_models;
    mutable size_t next_known = 0;

    // All keys must be of one account. Several keys may be of several, unless the operator names
    // the account. Empty: it is not known.
    [[nodiscard]] std::string_view account_of_files() const;
    // Call it when all else is set. Sets the accounts (which depend on names alone, so a reload
    // keeps them) and the secrets.
    void finish();
    // Not for several threads at the same time.
    [[nodiscard]] Target target(std::string_view model) const;
    // One target for all unlisted models that match this pattern. It has no breaker, because
    // callers can make up model names and would open it for others.
    [[nodiscard]] Target target_of_unlisted(std::string_view pattern) const;
};

}  // namespace gateway
