#include "core/access/jwt.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "core/json/text.h"

namespace gateway {

namespace {

constexpr size_t kMaxRemembered = 4096;
constexpr int kJwksWait = 5;  // seconds

tl::unexpected<ApiError> refuse(const std::string &why) {
    return tl::unexpected(
        ApiError::of(401, "invalid_token", "The token is not valid: " + why + "."));
}

// Returns nothing if the claim is missing or is not a plausible time.
std::optional<double> time_of(JsonValue claim) {
    constexpr double kLatest = 1e11;
    const auto time = claim.number();
    return time && std::isfinite(*time) && *time >= 0 && *time < kLatest ? time : std::nullopt;
}

tl::expected<int64_t, ApiError> check_times(JsonValue claims, int64_t leeway, int64_t now) {
    const auto expires = time_of(claims["exp"]);
    if (!expires) {
        return refuse("its claim \"exp\" is missing or is not a time");
    }
    const auto ends = static_cast<int64_t>(*expires) + leeway;
    if (ends <= now) {
        return tl::unexpected(ApiError::of(401, "expired_token", "The token has expired."));
    }
    for (const char *name : {"nbf", "iat"}) {
        if (claims[name]) {
            const auto begins = time_of(claims[name]);
            if (!begins) {
                return refuse(std::string("its claim \"") + name + "\" is not a time");
            }
            if (*begins > static_cast<double>(now + leeway)) {
                return refuse(std::string("its claim \"") + name + "\" is in the future");
            }
        }
    }
    return ends;
}

// Whether a claim is this text or a list that contains it.
bool says(JsonValue claim, std::string_view value) {
    if (claim.is(JsonKind::array)) {
        for (const JsonValue item : claim) {
            if (item.is(JsonKind::string) && item.string() == value) {
                return true;
            }
        }
        return false;
    }
    return claim.is(JsonKind::string) && claim.string() == value;
}

// Finds a claim by its name, as in "https://example.com/roles", or by a path, as in
// "realm_access.roles".
JsonValue find_claim(JsonValue claims, std::string_view name) {
    JsonValue found = claims[name];
    while (!found && claims.is(JsonKind::object)) {
        const size_t dot = name.find('.');
        if (dot == std::string_view::npos) {
            return claims[name];
        }
        claims = claims[name.substr(0, dot)];
        name.remove_prefix(dot + 1);
    }
    return found;
}

bool is_admin(JsonValue claims, const JwtRules &rules) {
    if (rules.admin_claim.empty()) {
        return false;
    }
    const JsonValue claim = find_claim(claims, rules.admin_claim);
    return rules.admin_value.empty() ? claim.boolean() == true : says(claim, rules.admin_value);
}

}  // namespace

tl::expected<Bearer, ApiError> read_claims(const std::string &payload, const JwtRules &rules,
                                           int64_t unix_seconds) {
    const auto document = JsonDocument::read(payload, kCallersJson);
    if (!document || !document->root().is(JsonKind::object)) {
        return refuse("its claims are not a JSON object");
    }
    const JsonValue claims = document->root();
    const auto ends = check_times(claims, rules.leeway, unix_seconds);
    if (!ends) {
        return tl::unexpected(ends.error());
    }
    if (!rules.issuer.empty() &&
        !(claims["iss"].is(JsonKind::string) && claims["iss"].string() == rules.issuer)) {
        return refuse("it is from another issuer");
    }
    if (!rules.audiences.empty() &&
        std::none_of(rules.audiences.begin(), rules.audiences.end(),
                     [&](const std::string &own) { return says(claims["aud"], own); })) {
        return refuse("it is for another audience");
    }
    Bearer bearer;
    bearer.expires = *ends;
    bearer.admin = is_admin(claims, rules);
    const JsonValue id = find_claim(claims, rules.key_claim);
    constexpr size_t kLongestId = 64;
    const bool is_id = id.is(JsonKind::string) && id.string().size() <= kLongestId &&
                       is_visible_ascii(id.string());
    if (is_id) {
        bearer.key_id = id.string();
    }
    if (bearer.key_id.empty() && !bearer.admin) {
        return refuse("its claim \"" + rules.key_claim +
                      "\" is not the id of a key: at most 64 visible ASCII characters");
    }
    return bearer;
}

size_t JwtVerifier::Hash::operator()(const Sha256 &hash) const {
    size_t front = 0;
    std::memcpy(&front, hash.data(), sizeof(front));
    return front;
}

tl::expected<Bearer, ApiError> JwtVerifier::verify(std::string_view token, int64_t unix_seconds) {
    if (source_->keys == nullptr) {
        ApiError error = ApiError::of(503, "jwks_unavailable",
                                      "The keys that verify tokens are not loaded yet.");
        error.retry_after = kJwksWait;
        return tl::unexpected(std::move(error));
    }
    if (verified_by_ != source_->keys) {
        verified_.clear();
        verified_by_ = source_->keys;
    }
    const Sha256 hash = sha256(token);
    if (const auto known = verified_.find(hash); known != verified_.end()) {
        if (known->second.expires > unix_seconds) {
            return known->second;
        }
        verified_.erase(known);
    }
    auto bearer = verify_uncached(token, unix_seconds);
    if (bearer) {
        if (verified_.size() >= kMaxRemembered) {
            verified_.clear();  // happens rarely; tokens in use are verified again
        }
        verified_.emplace(hash, *bearer);
    }
    return bearer;
}

tl::expected<Bearer, ApiError> JwtVerifier::verify_uncached(std::string_view token,
                                                            int64_t unix_seconds) {
    const auto jws = read_jws(token);
    if (!jws) {
        return refuse(jws.error());
    }
    switch (source_->keys->verify(*jws)) {
        case KeySet::Verdict::good: break;
        case KeySet::Verdict::bad: return refuse("its signature is not valid");
        case KeySet::Verdict::unknown_key:
            if (source_->on_unknown_key) {
                source_->on_unknown_key();
            }
            return refuse("it is signed with an unknown key");
    }
    return read_claims(jws->payload, rules_, unix_seconds);
}

}  // namespace gateway
