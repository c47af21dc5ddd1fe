// What a client's headers say about the cache: Cache-Control, and the headers of Bifrost's clients.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <tl/expected.hpp>

#include "core/api_error.h"

namespace gateway {

struct CacheWish {
    bool no_store = false;           // neither look up nor store
    bool no_cache = false;           // do not look up
    bool only_if_cached = false;     // do not make
    std::optional<int64_t> max_age;  // seconds
    std::optional<int64_t> ttl;      // seconds, for what is stored
    std::string_view partition;      // keeps results of equal requests apart
};

// The values of the headers; empty: not sent. `ttl` is whole seconds or a duration such as "5m".
tl::expected<CacheWish, ApiError> read_cache_wish(std::string_view cache_control,
                                                  std::string_view partition, std::string_view ttl);

}  // namespace gateway
