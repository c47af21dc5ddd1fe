// The settings of a location for its requests.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/access/identify.h"
#include "core/access/parties.h"
#include "core/catalog/fit.h"
#include "core/images/links.h"
#include "core/inputs/read_body.h"
#include "core/net/fetch_rules.h"
#include "core/ports.h"
#include "core/request/decode.h"
#include "core/sharing/sharing_rules.h"
#include "core/webhooks/webhook_rules.h"

namespace gateway {

struct Policy {
    AuthMode auth = AuthMode::required;
    std::shared_ptr<const KeyRing> keys;
    std::shared_ptr<JwtVerifier> tokens;  // null: tokens are not accepted
    DefaultLimits limits;
    const Profile *profile = &unified_profile();
    UnknownFields unknown_fields;
    FitMode fit = FitMode::adapt;
    bool raw = false;                  // callers may request the raw exchange
    std::shared_ptr<Hosting> hosting;  // null: no images are stored
    std::shared_ptr<const FetchRules> fetch_rules = std::make_shared<const FetchRules>();
    BodyLimits body;
    // For URLs of callers' images.
    std::shared_ptr<const FetchRules> input_rules = std::make_shared<const FetchRules>();
    std::string default_model;
    Milliseconds deadline{590'000};
    Milliseconds heartbeat{15'000};               // of streams
    std::optional<Milliseconds> plain_heartbeat;  // of documents; nothing: none
    size_t answer_max = 0;
    SharingRules sharing;
    std::shared_ptr<const WebhookRules> webhooks;  // null: no webhook messages are sent
    bool buffering = true;          // the gateway collects a whole reply before it sends it
    bool keeps_provenance = false;  // images with Content Credentials are not changed
};

}  // namespace gateway
