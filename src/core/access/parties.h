// The parties that a request counts for: the virtual key or address, and the end user.
#pragma once

#include <string_view>
#include <vector>

#include "core/access/identify.h"
#include "core/limits/party.h"
#include "core/request/head.h"

namespace gateway {

// The configured limits, for limits that a key does not set itself.
struct DefaultLimits {
    Limits key;
    Limits end_user;
    Limits address;
};

// The strings must outlive the result.
std::vector<Party> parties_of(const Caller &caller, std::string_view end_user,
                              std::string_view address, const DefaultLimits &defaults);

// One party for each `model_limits` pattern of the key that matches the model.
std::vector<Party> model_parties_of(const Caller &caller, std::string_view model);

// The account that the memory of a request counts for: the key, the token's subject, or the
// address. End users count as their key.
Account memory_owner_of(const Caller &caller, const RequestHead &head);

// The party of an entry that is read back from the state file, which has its account.
Party party_named(Party::Kind kind, std::string_view key, const Account &account);

// Whether the remaining limits of these parties depend on use before the start of nginx.
bool depends_on_past(const Caller &caller, const std::vector<Party> &parties);

}  // namespace gateway
