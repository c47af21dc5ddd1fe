// Verifies tokens (RFC 7519). A token is verified once and remembered until it expires.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_map>
#include <vector>

#include "core/access/key_set.h"
#include "core/api_error.h"
#include "core/bytes/sha256.h"

namespace gateway {

// image_gateway_jwt
struct JwtRules {
    std::string issuer;                  // empty: any
    std::vector<std::string> audiences;  // the token must have one of them; empty: any
    std::string key_claim = "sub";       // the claim with the id of a key
    std::string admin_claim;             // the claim that marks administrators; empty: none
    std::string admin_value;             // its value, or one of its values; empty: true
    int64_t leeway = 30;                 // seconds by which clocks may differ
};

// The claims of a token about its bearer.
struct Bearer {
    std::string key_id;
    bool admin = false;
    int64_t expires = 0;  // unix seconds
};

// Reads the claims of a token whose signature is valid.
tl::expected<Bearer, ApiError> read_claims(const std::string &payload, const JwtRules &rules,
                                           int64_t unix_seconds);

// The keys that verify tokens, as currently loaded.
struct KeySource {
    std::shared_ptr<const KeySet> keys;    // null: not loaded yet
    std::function<void()> on_unknown_key;  // loads the keys again; empty: they cannot be loaded
};

// The verifier of one location in one worker.
class JwtVerifier {
 public:
    JwtVerifier(JwtRules rules, std::shared_ptr<KeySource> source)
        : rules_(std::move(rules)), source_(std::move(source)) {}

    tl::expected<Bearer, ApiError> verify(std::string_view token, int64_t unix_seconds);

 private:
    tl::expected<Bearer, ApiError> verify_uncached(std::string_view token, int64_t unix_seconds);

    struct Hash {
        size_t operator()(const Sha256 &hash) const;
    };

    JwtRules rules_;
    std::shared_ptr<KeySource> source_;
    std::shared_ptr<const KeySet> verified_by_;  // the keys that verified all remembered tokens
    std::unordered_map<Sha256, Bearer, Hash> verified_;
};

}  // namespace gateway
