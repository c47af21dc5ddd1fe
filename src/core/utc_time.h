// Times in UTC: "2027-06-30T00:00:00Z".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

// Returns Unix seconds, or nothing if the text is not such a time.
std::optional<int64_t> parse_time(std::string_view text);
std::string format_time(int64_t unix_seconds);

}  // namespace gateway
