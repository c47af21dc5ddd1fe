// Step 1, headers to Caller: who is asking, before the body is read.
#pragma once

#include <memory>
#include <string_view>
#include <tl/expected.hpp>

#include "core/access/key_ring.h"
#include "core/api_error.h"
#include "core/request/head.h"

namespace gateway {

enum class AuthMode : uint8_t { required, optional, off };

struct Caller {
    const Key *key = nullptr;             // null: anonymous
    std::shared_ptr<const KeyRing> ring;  // keeps the key alive when the file is read anew
    [[nodiscard]] std::string_view id() const {
        return key == nullptr ? std::string_view() : key->id;
    }
    [[nodiscard]] bool may_use(std::string_view model) const {
        return key == nullptr || key->may_use(model);
    }
};

tl::expected<Caller, ApiError> identify(const RequestHead &head, AuthMode mode,
                                        const std::shared_ptr<const KeyRing> &ring,
                                        int64_t unix_seconds);

}  // namespace gateway
