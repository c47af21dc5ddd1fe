// Tokens that name their bearer (RFC 7519): verified once, believed until they end.
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
    std::string issuer;                  // empty: anybody
    std::vector<std::string> audiences;  // one of them; none: whoever it is for
    std::string key_claim = "sub";       // has the id of a key
    std::string admin_claim;             // says that the bearer may do anything; empty: none does
    std::string admin_value;             // that it has, or is among its values; empty: true
    int64_t leeway = 30;                 // seconds that clocks may differ
};

// What a token says of its bearer.
struct Bearer {
    std::string key_id;
    bool admin = false;
    int64_t expires = 0;  // unix seconds
};

// Of a token whose signature is good.
tl::expected<Bearer, ApiError> read_claims(const std::string &payload, const JwtRules &rules,
                                           int64_t unix_seconds);

// Where the keys are, as they are known just now.
struct KeySource {
    std::shared_ptr<const KeySet> keys;    // null: never loaded yet
    std::function<void()> on_unknown_key;  // empty: they are not asked for
};

// Of one location, in one worker.
class JwtVerifier {
 public:
    JwtVerifier(JwtRules rules, std::shared_ptr<KeySource> source)
        : rules_(std::move(rules)), source_(std::move(source)) {}

    tl::expected<Bearer, ApiError> verify(std::string_view token, int64_t unix_seconds);

 private:
    tl::expected<Bearer, ApiError> verify_anew(std::string_view token, int64_t unix_seconds);

    struct Hash {
        size_t operator()(const Sha256 &hash) const;
    };

    JwtRules rules_;
    std::shared_ptr<KeySource> source_;
    std::shared_ptr<const KeySet> verified_by_;  // all that is remembered
    std::unordered_map<Sha256, Bearer, Hash> verified_;
};

}  // namespace gateway
