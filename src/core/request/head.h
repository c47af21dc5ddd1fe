// The headers of a request that mean something to the gateway, and what they ask for.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"

namespace gateway {

// Values are empty where there was no such header.
struct RequestHead {
    std::vector<std::string_view> credentials;  // all that was presented, in whatever header
    bool malformed_credentials = false;         // an Authorization that is not "Bearer <something>"
    bool has_cookie = false;
    std::string_view repeated;  // the first header that stands twice, and may not
    std::string_view content_type;
    std::string_view origin;      // of the web page that asks, as browsers tell it
    std::string_view fetch_site;  // how far that page is from here, as browsers tell it
    std::string_view on_behalf_of;
    std::string_view request_id;
    std::string_view idempotency_key;
    std::string_view traceparent;
    std::string_view fit;
    std::string_view timeout;
    std::string_view raw;
    std::string_view path_model;  // Azure's path carries the model
    std::string base_url;         // how the gateway was addressed, for links to itself
    bool marks_end = true;        // an answer that breaks off is no whole one to the client
    std::string address;          // of the client; of IPv6, the network that it has for itself
};

// What headers may only narrow.
struct Wishes {
    std::optional<std::chrono::milliseconds> timeout;
    bool strict = false;
    bool raw_request = false;
    bool raw_response = false;
};

// Holds header values to their form: ids of visible ASCII and sane length, known words, whole
// seconds.
tl::expected<Wishes, ApiError> read_wishes(const RequestHead &head);

}  // namespace gateway
