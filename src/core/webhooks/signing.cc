#include "core/webhooks/signing.h"

#include <algorithm>

#include "core/bytes/base64.h"
#include "core/json/text.h"

namespace gateway {

namespace {

constexpr size_t kMinKeyLine = 32;
constexpr size_t kMaxKeyLines = 2;
// src/tools/image-gateway derives the same secrets.
constexpr std::string_view kSecretPurpose = "image-gateway webhook ";

std::string_view as_text(std::span<const uint8_t> bytes) {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

Sha256 secret_of(const std::string &line, std::string_view caller) {
    return hmac_sha256(sha256(line), std::string(kSecretPurpose).append(caller));
}

}  // namespace

std::string webhook_signature(std::span<const uint8_t> secret, std::string_view id,
                              int64_t timestamp, std::string_view body) {
    std::string signed_text(id);
    signed_text.append(".").append(std::to_string(timestamp)).append(".").append(body);
    return "v1," + encode_base64(as_text(hmac_sha256(secret, signed_text)));
}

tl::expected<WebhookKeys, std::string> WebhookKeys::read(std::string_view text) {
    WebhookKeys keys;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (!line.empty()) {
            keys.lines_.emplace_back(line);
        }
    }
    const bool is_valid =
        !keys.lines_.empty() && keys.lines_.size() <= kMaxKeyLines &&
        std::all_of(keys.lines_.begin(), keys.lines_.end(), [](const std::string &line) {
            return line.size() >= kMinKeyLine && is_visible_ascii(line);
        });
    if (!is_valid) {
        return tl::unexpected(
            std::string("must have one or two keys, one per line, of at least 32 visible ASCII "
                        "characters"));
    }
    return keys;
}

std::string WebhookKeys::signatures(std::string_view caller, std::string_view id, int64_t timestamp,
                                    std::string_view body) const {
    std::string all;
    for (const std::string &line : lines_) {
        all.append(all.empty() ? "" : " ");
        all += webhook_signature(secret_of(line, caller), id, timestamp, body);
    }
    return all;
}

std::vector<std::string> WebhookKeys::secrets(std::string_view caller) const {
    std::vector<std::string> all;
    for (const std::string &line : lines_) {
        all.push_back("whsec_" + encode_base64(as_text(secret_of(line, caller))));
    }
    return all;
}

}  // namespace gateway
