// Step 1: identifies the caller by the headers, before the body is read.
#pragma once

#include <memory>
#include <string_view>
#include <tl/expected.hpp>

#include "core/access/jwt.h"
#include "core/access/key_ring.h"
#include "core/api_error.h"
#include "core/request/head.h"

namespace gateway {

enum class AuthMode : uint8_t { required, optional, off };

struct Caller {
    const Key *key = nullptr;             // null: anonymous, or a token without a key
    std::shared_ptr<const KeyRing> ring;  // keeps the key alive when the file is read again
    std::string token_id;                 // "token ID", for a token without a key
    bool admin = false;                   // may use every model, without limits
    // The id of a key has no space, so a token's id never equals it.
    [[nodiscard]] std::string_view id() const { return key == nullptr ? token_id : key->id; }
    // In the first `exact` characters of the model's name, case must match the key's patterns.
    [[nodiscard]] bool may_use(std::string_view model,
                               size_t exact = std::string_view::npos) const {
        return admin || key == nullptr || key->may_use(model, exact);
    }
};

// The credentials that a location accepts. Null: not accepted.
struct Credentials {
    const std::shared_ptr<const KeyRing> &ring;
    JwtVerifier *tokens = nullptr;
};

tl::expected<Caller, ApiError> identify(const RequestHead &head, AuthMode mode,
                                        const Credentials &accepted, int64_t unix_seconds);

}  // namespace gateway
