// A request to a provider and its response, for clients that may see them: JSON as it was sent,
// without image data and secrets.
#pragma once

#include <string>
#include <vector>

#include "core/http_call.h"
#include "core/providers/dialect.h"

namespace gateway {

std::string show_request(const HttpCall &call, const std::vector<std::string> &secrets);
std::string show_event(const ServerEvent &event, const std::vector<std::string> &secrets);
std::string show_response(const HttpResponse &response, const std::vector<std::string> &secrets);

}  // namespace gateway
