// The headers that calls to providers have in common.
#pragma once

#include <string>
#include <string_view>

#include "core/http_call.h"
#include "core/providers/provider_request.h"

namespace gateway {

struct HeaderForm {
    std::string_view key = "Authorization: Bearer ";  // what precedes the key
    std::string_view accept = "application/json";
    bool is_basic = false;  // the key is USER:PASSWORD, and is sent in base64
};

// Accept, the key if there is one, and the trace that the request is in.
void add_headers(HttpCall &call, const ProviderRequest &request, const HeaderForm &form = {});

// A call without a body, with these headers: a poll, or one that cancels a job.
HttpCall call_without_body(HttpMethod method, std::string url, const ProviderRequest &request,
                           const HeaderForm &form = {});

}  // namespace gateway
