#include "core/access/identify.h"

#include <algorithm>

namespace gateway {

namespace {

ApiError refuse(std::string code, std::string message) {
    return ApiError::of(401, std::move(code), std::move(message));
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

}  // namespace gateway
