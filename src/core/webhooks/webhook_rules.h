// The settings of a location for webhooks.
#pragma once

#include <memory>
#include <string>

#include "core/net/fetch_rules.h"
#include "core/webhooks/signing.h"

namespace gateway {

// The keys of a file, which is read again when it changes.
struct WebhookKeySource {
    std::shared_ptr<const WebhookKeys> keys;  // null: the newest ones are not known
};

struct WebhookRules {
    // Says which rules a message goes by, also after a restart with another configuration.
    std::string name;
    std::string key_file;  // full path
    std::shared_ptr<const WebhookKeySource> source;
    std::shared_ptr<const FetchRules> addresses = std::make_shared<const FetchRules>();
    std::string ca_file;  // empty: the system's
};

}  // namespace gateway
