// Signatures of Standard Webhooks (https://www.standardwebhooks.com), and the secrets behind them.
// Each caller has a secret of its own, so that no caller can forge messages to another one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/bytes/sha256.h"

namespace gateway {

// The file of image_gateway_webhook_key: one line, or two while the key is replaced.
class WebhookKeys {
 public:
    // The error is a sentence about what is wrong.
    static tl::expected<WebhookKeys, std::string> read(std::string_view text);

    // The value of webhook-signature: a signature for each line of the file.
    [[nodiscard]] std::string signatures(std::string_view caller, std::string_view id,
                                         int64_t timestamp, std::string_view body) const;

    // The caller's secrets as receivers write them: "whsec_…", for each line of the file.
    [[nodiscard]] std::vector<std::string> secrets(std::string_view caller) const;

 private:
    std::vector<std::string> lines_;
};

// "v1,…"
std::string webhook_signature(std::span<const uint8_t> secret, std::string_view id,
                              int64_t timestamp, std::string_view body);

}  // namespace gateway
