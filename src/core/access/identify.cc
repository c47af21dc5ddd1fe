#include "core/access/identify.h"

#include <algorithm>

#include "core/json/text.h"

namespace gateway {

namespace {

ApiError refuse(std::string code, std::string message) {
    return ApiError::of(401, std::move(code), std::move(message));
}

struct HeaderRule {
    std::string_view RequestHead::*value;
    const char *name;
    size_t longest;
    bool spaces = false;
};

constexpr HeaderRule kRules[] = {
    {&RequestHead::on_behalf_of, "X-On-Behalf-Of", 256, true},
    {&RequestHead::request_id, "X-Request-Id", 128},
    {&RequestHead::idempotency_key, "Idempotency-Key", 255},
    {&RequestHead::traceparent, "traceparent", 128},
};

bool is_printable(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
        const size_t length = utf8_character(text.substr(at));
        if (length == 0 || (length == 1 && (text[at] < 0x20 || text[at] == 0x7f))) {
            return false;
        }
        at += length;
    }
    return true;
}

}  // namespace

tl::expected<Caller, ApiError> identify(const RequestHead &head, AuthMode mode,
                                        const std::shared_ptr<const KeyRing> &ring,
                                        int64_t unix_seconds) {
    if (mode == AuthMode::off) {
        return Caller{};
    }
    if (head.malformed_credentials && head.credentials.empty()) {
        return tl::unexpected(refuse("invalid_api_key", "Authorization must be: Bearer <key>."));
    }
    if (head.credentials.empty()) {
        if (mode == AuthMode::optional) {
            return Caller{};
        }
        return tl::unexpected(refuse(
            "missing_api_key", "No API key was given. Send it as: Authorization: Bearer <key>."));
    }
    const std::string_view secret = head.credentials.front();
    if (std::any_of(head.credentials.begin(), head.credentials.end(),
                    [=](std::string_view other) { return other != secret; })) {
        return tl::unexpected(
            refuse("conflicting_api_keys", "The request carries two different API keys."));
    }
    const Key *key = ring == nullptr ? nullptr : ring->find(secret);
    if (key == nullptr) {
        return tl::unexpected(refuse("invalid_api_key", "The API key is not known."));
    }
    if (key->expires && *key->expires <= unix_seconds) {
        return tl::unexpected(refuse("expired_api_key", "The API key has expired."));
    }
    if (key->disabled) {
        return tl::unexpected(ApiError::of(403, "disabled_api_key", "The API key is disabled."));
    }
    return Caller{key, ring};
}

tl::expected<void, ApiError> check_headers(const RequestHead &head) {
    for (const HeaderRule &rule : kRules) {
        const std::string_view value = head.*rule.value;
        const bool fits = value.size() <= rule.longest &&
                          (rule.spaces ? is_printable(value) : is_visible_ascii(value));
        if (!fits) {
            return tl::unexpected(ApiError::of(
                400, "invalid_value",
                std::string(rule.name) + " must have at most " + std::to_string(rule.longest) +
                    (rule.spaces ? " bytes and no control characters."
                                 : " visible ASCII characters."),
                rule.name));
        }
    }
    return {};
}

}  // namespace gateway
