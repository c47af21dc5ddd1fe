// The Idempotency-Key that is sent to a provider. It depends on the caller, so two callers never
// have the same key.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/limits/account.h"

namespace gateway {

// Identifies the caller and the request.
struct RequestIdentity {
    std::string_view caller;           // the id of a key or token; empty: no caller is known
    std::string_view end_user;         // empty: the request names none
    std::string_view idempotency_key;  // the caller's; empty: none
    std::string_view request_id;       // the gateway's own; no client can choose it
};

// A hash of the caller, the end user and the caller's idempotency key. If the caller is not known
// or sent no idempotency key, a hash of the gateway's request id. Each model and each call of a
// request has a different hash.
std::string call_key(const RequestIdentity &request, const Account &model, size_t call);

}  // namespace gateway
