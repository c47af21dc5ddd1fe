// For whom a request counts: who is asking, and on whose behalf.
#pragma once

#include <string_view>
#include <vector>

#include "core/access/identify.h"
#include "core/limits/party.h"
#include "core/request/head.h"

namespace gateway {

// What the configuration says for those whose key says nothing of it.
struct DefaultLimits {
    Limits key;
    Limits end_user;
    Limits address;
};

// The strings must outlive them.
std::vector<Party> parties_of(const Caller &caller, std::string_view end_user,
                              std::string_view address, const DefaultLimits &defaults);

// Each pattern of the key that names the model.
std::vector<Party> model_parties_of(const Caller &caller, std::string_view model);

// Whose memory a request's is counted as: the key's, the token subject's, or the address's. End
// users count as their key.
Account memory_owner_of(const Caller &caller, const RequestHead &head);

// As it was written down by account, for what is read back.
Party party_named(Party::Kind kind, std::string_view key, const Account &account);

// Whether what they may still have depends on what was used before nginx was started.
bool depends_on_past(const Caller &caller, const std::vector<Party> &parties);

}  // namespace gateway
