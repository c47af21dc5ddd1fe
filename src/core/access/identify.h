// Step 1, headers to Caller: who is asking, before the body is read.
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
    const Key *key = nullptr;             // null: anonymous, or of a token
    std::shared_ptr<const KeyRing> ring;  // keeps the key alive when the file is read anew
    std::string token_id;                 // of a token that names no key: "token ID"
    bool admin = false;                   // may do anything, and is not limited
    // No key's id has a space in it, so no token can be taken for a key.
    [[nodiscard]] std::string_view id() const { return key == nullptr ? token_id : key->id; }
    // Of the model's name so many characters must be spelled as in the key's patterns.
    [[nodiscard]] bool may_use(std::string_view model,
                               size_t exact = std::string_view::npos) const {
        return admin || key == nullptr || key->may_use(model, exact);
    }
};

// What a location takes for a credential; null: not that.
struct Credentials {
    const std::shared_ptr<const KeyRing> &ring;
    JwtVerifier *tokens = nullptr;
};

tl::expected<Caller, ApiError> identify(const RequestHead &head, AuthMode mode,
                                        const Credentials &accepted, int64_t unix_seconds);

}  // namespace gateway
