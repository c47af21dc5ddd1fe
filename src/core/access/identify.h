// Step 1, headers to Caller: who is asking, before the body is read.
#pragma once

#include <memory>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/access/key_ring.h"
#include "core/api_error.h"

namespace gateway {

enum class AuthMode : uint8_t { required, optional, off };

// The headers of a request that mean something to us; empty where there was none.
struct RequestHead {
    std::vector<std::string_view> credentials;  // all that was presented, in whatever header
    bool malformed_credentials = false;         // an Authorization that is not "Bearer <something>"
    std::string_view content_type;
    std::string_view on_behalf_of;
    std::string_view request_id;
    std::string_view idempotency_key;
    std::string_view traceparent;
    std::string_view fit;
    std::string_view timeout;
    std::string_view path_model;  // Azure's path carries the model
};

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

// The header values that are for us, held to their form: ids of visible ASCII and sane length.
tl::expected<void, ApiError> check_headers(const RequestHead &head);

}  // namespace gateway
