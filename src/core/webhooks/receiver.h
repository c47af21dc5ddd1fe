// The receiver of a webhook: the URL that a client writes.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/api_error.h"
#include "core/net/fetch_rules.h"

namespace gateway {

inline constexpr std::string_view kWebhookHeader = "X-Image-Gateway-Webhook";

// Where a message goes, and who asked for it. The URL is a secret: its query often has a token.
struct WebhookTarget {
    std::string url;
    std::string message_id;
    std::string party;  // whose messages take turns with those of others
    std::string rules;  // the name of the WebhookRules
};

// Checks the URL as far as that is possible without a look-up of its host: an address behind a name
// is checked when a message is sent. Without allowed networks, only https is allowed.
tl::expected<void, ApiError> check_receiver(std::string_view url, const FetchRules &addresses);

// "https://host:port", for logs and for limits per host. The URL must have passed the check.
std::string origin_of_receiver(std::string_view url);

}  // namespace gateway
