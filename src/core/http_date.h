// Dates in HTTP's format: "Sun, 06 Nov 1994 08:49:37 GMT".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gateway {

// Returns Unix seconds, or nothing if the text is not such a date.
std::optional<int64_t> parse_http_date(std::string_view text);

}  // namespace gateway
