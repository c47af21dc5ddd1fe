// The request headers that the gateway reads, and the wishes that they express.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"
#include "core/tracing/trace.h"

namespace gateway {

// A value is empty if the request has no such header.
struct RequestHead {
    std::vector<std::string_view> credentials;  // of all headers that may have one
    bool malformed_credentials = false;         // an Authorization that is not "Bearer <something>"
    bool has_cookie = false;
    std::string_view repeated;  // the first header that occurs twice but must not
    std::string_view content_type;
    std::string_view origin;      // of the web page that sends the request; set by browsers
    std::string_view fetch_site;  // how that page is related to this site; set by browsers
    std::string_view on_behalf_of;
    std::string_view request_id;
    std::string_view idempotency_key;
    IncomingTrace trace;
    std::string_view fit;
    std::string_view timeout;
    std::string_view raw;
    std::string_view cache_control;
    std::string_view cache_key;  // x-bf-cache-key, as Bifrost's clients send it
    std::string_view cache_ttl;
    std::string_view path;        // of the request's URL
    std::string prefer;           // the values of all such headers, with commas between them
    std::string_view job_keep;    // x-bf-async-job-result-ttl
    std::string_view webhook;     // the URL for the message about the job's end
    std::string_view path_model;  // the model in a path in Azure's form
    std::string base_url;         // the URL of the gateway as the client used it, for links
    bool marks_end = true;        // the client can detect a reply that broke off
    std::string address;          // of the client; for IPv6, its /64 network
};

// Settings by headers. They can only restrict what the configuration allows.
struct Wishes {
    std::optional<std::chrono::milliseconds> timeout;
    bool strict = false;
    bool raw_request = false;
    bool raw_response = false;
    // Prefer (RFC 7240): the result may be asked for later, perhaps after a time to wait for it.
    bool respond_async = false;
    std::optional<std::chrono::seconds> wait;
};

// Checks and reads the headers: ids must be visible ASCII of limited length, words must be known,
// and times must be whole seconds.
tl::expected<Wishes, ApiError> read_wishes(const RequestHead &head);

}  // namespace gateway
