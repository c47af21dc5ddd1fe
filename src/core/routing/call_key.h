// The Idempotency-Key that a provider is sent: whose call it is, so that no two callers ever share
// one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/limits/account.h"

namespace gateway {

// Whose request it is, and which of theirs.
struct RequestIdentity {
    std::string_view caller;           // the id of a key or token; empty: anybody
    std::string_view end_user;         // empty: none is named
    std::string_view idempotency_key;  // the caller's; empty: none
    std::string_view request_id;       // ours, which no client can choose
};

// A hash of the caller, their end user and their key. Without a key of theirs, or without a caller
// who could own one, of our request id. Each model and each of several calls has its own.
std::string call_key(const RequestIdentity &request, const Account &model, size_t call);

}  // namespace gateway
