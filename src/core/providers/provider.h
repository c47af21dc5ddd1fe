// A configured provider: where it is, with which keys it is asked, and how it is treated when it
// fails. Read-only while requests run.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/http_call.h"
#include "core/limits/breaker.h"
#include "core/limits/health.h"
#include "core/outcome.h"

namespace gateway {

class Dialect;

struct ProviderKey {
    std::string secret;
    int weight = 1;
    Account account{};  // as which it rests
};

// How often and how soon the same model is tried again.
struct RetryRules {
    int attempts = 2;  // in all, for each call
    std::chrono::milliseconds shortest_pause{500};
    std::chrono::milliseconds longest_pause{8'000};
    std::chrono::milliseconds within{10'000};  // since its first attempt
};

struct Provider {
    std::string name;
    const Dialect *dialect = nullptr;
    std::shared_ptr<const Dialect> own_dialect;  // where it is one that the operator described
    std::string url;                             // without a slash at the end
    std::vector<ProviderKey> keys;
    HttpTimeouts timeouts;
    RetryRules retry;
    BreakerRules breaker;
    int max_calls = 0;               // at once, over all workers; 0: no limit
    bool takes_idempotency = false;  // a call with a key it has seen is not made, and billed, again
    size_t answer_max = 0;           // 0: the location's
    std::string proxy;               // perhaps with a password
    // What must not be read in what the provider, or the proxy, says: the keys, and the proxy's
    // user and password in all their forms.
    std::vector<std::string> secrets;
    std::string ca_file;
    Account account{};  // as which its calls are counted

    // For the sandbox: how it plays a real provider.
    struct Rehearsal {
        std::chrono::milliseconds shortest{0};
        std::chrono::milliseconds longest{0};
        struct Failure {
            OutcomeType outcome;
            int percent;
        };
        std::vector<Failure> failures;
    } rehearsal;

    // Once all is set: gives itself and its keys the accounts that go with their names, which a
    // reload does not change, and lists the secrets.
    void finish();
    [[nodiscard]] Target target(std::string_view model) const;
    // Of names that callers made up, for all those together that match this pattern. It has no
    // breaker: else one of them could close it to the others.
    [[nodiscard]] Target target_of_unlisted(std::string_view pattern) const;
};

}  // namespace gateway
