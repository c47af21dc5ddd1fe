// The key of a result in the cache: the caller, and everything that the provider was sent to make
// it.
#pragma once

#include <optional>
#include <string_view>

#include "core/bytes/sha256.h"
#include "core/making/order.h"
#include "core/sharing/order_digest.h"

namespace gateway {

// Nothing if the candidate does not take the request, or if an input image is known to the provider
// only. `scope` names the caller, and what the client wants to keep apart. Unless the key is for
// one end user, the end user's name, which some providers are sent, is not a part of it.
std::optional<Sha256> cache_key(std::string_view scope, const Order &order,
                                const Candidate &candidate, const Prepared &prepared,
                                const InputDigests &inputs, bool for_end_user);

}  // namespace gateway
