#include "core/access/identify.h"

#include <algorithm>
#include <utility>

namespace gateway {

namespace {

ApiError refuse(std::string code, std::string message) {
    return ApiError::of(401, std::move(code), std::move(message));
}

// Checks whether a known key is expired or disabled.
tl::expected<Caller, ApiError> admit(const Key &key, const std::shared_ptr<const KeyRing> &ring,
                                     int64_t unix_seconds) {
    if (key.expires && *key.expires <= unix_seconds) {
        return tl::unexpected(refuse("expired_api_key", "The API key has expired."));
    }
    if (key.disabled) {
        return tl::unexpected(ApiError::of(403, "disabled_api_key", "The API key is disabled."));
    }
    Caller caller;
    caller.key = &key;
    caller.ring = ring;
    return caller;
}

// A token identifies the key that it names. Without a key ring it is a caller of its own, under a
// name that no key can have, because its issuer may use any id.
tl::expected<Caller, ApiError> identify_bearer(const Bearer &bearer,
                                               const std::shared_ptr<const KeyRing> &ring,
                                               int64_t unix_seconds) {
    const Key *key = ring == nullptr || bearer.admin ? nullptr : ring->find_id(bearer.key_id);
    if (key != nullptr) {
        return admit(*key, ring, unix_seconds);
    }
    if (ring != nullptr && !bearer.admin) {
        return tl::unexpected(
            refuse("invalid_api_key", "The token names a key that does not exist."));
    }
    Caller caller;
    if (!bearer.key_id.empty()) {
        caller.token_id = "token " + bearer.key_id;
    }
    caller.admin = bearer.admin;
    return caller;
}

}  // namespace

tl::expected<Caller, ApiError> identify(const RequestHead &head, AuthMode mode,
                                        const Credentials &accepted, int64_t unix_seconds) {
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
    if (accepted.ring != nullptr && !accepted.ring->is_known()) {
        return tl::unexpected(ApiError::for_now(503, "keys_unavailable",
                                                "The API keys are temporarily not available."));
    }
    if (accepted.tokens != nullptr && looks_like_jws(secret)) {
        auto bearer = accepted.tokens->verify(secret, unix_seconds);
        return bearer ? identify_bearer(*bearer, accepted.ring, unix_seconds)
                      : tl::unexpected(std::move(bearer.error()));
    }
    const Key *key = accepted.ring == nullptr ? nullptr : accepted.ring->find(secret);
    if (key == nullptr) {
        return tl::unexpected(refuse("invalid_api_key", "The API key is not valid."));
    }
    return admit(*key, accepted.ring, unix_seconds);
}

}  // namespace gateway
