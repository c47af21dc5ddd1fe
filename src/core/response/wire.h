// What went over the wire, for callers who may see it: JSON as it was, without picture bytes and
// without secrets.
#pragma once

#include <string>

#include "core/http_call.h"
#include "core/providers/dialect.h"

namespace gateway {

std::string show_request(const HttpCall &call, const std::vector<ProviderKey> &keys);
std::string show_event(const ServerEvent &event, const std::vector<ProviderKey> &keys);
std::string show_reply(const HttpReply &reply, const std::vector<ProviderKey> &keys);

}  // namespace gateway
