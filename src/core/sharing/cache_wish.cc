#include "core/sharing/cache_wish.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "core/request/header_value.h"

namespace gateway {

namespace {

constexpr int64_t kLongest = int64_t{366} * 86'400;

std::optional<int64_t> read_seconds(std::string_view text) {
    int64_t seconds = 0;
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, seconds);
    const bool big = error == std::errc::result_out_of_range;
    if (text.empty() || text.front() == '-' || stop != end || (error != std::errc() && !big)) {
        return std::nullopt;
    }
    return big ? kLongest : std::min(seconds, kLongest);
}

// Seconds, or numbers with the units h, m, s and ms: "90", "1h30m".
std::optional<int64_t> read_duration(std::string_view text) {
    if (const auto seconds = read_seconds(text)) {
        return seconds;
    }
    double sum = 0;
    while (!text.empty()) {
        double number = 0;
        const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number,
                                                   std::chars_format::fixed);
        if (error != std::errc() || !(number >= 0)) {
            return std::nullopt;
        }
        text.remove_prefix(static_cast<size_t>(stop - text.data()));
        const std::string_view unit = text.substr(0, text.find_first_of("0123456789."));
        text.remove_prefix(unit.size());
        const double factor = unit == "h"    ? 3600
                              : unit == "m"  ? 60
                              : unit == "s"  ? 1
                              : unit == "ms" ? 0.001
                                             : -1;
        if (factor < 0) {
            return std::nullopt;
        }
        sum += number * factor;
    }
    return static_cast<int64_t>(std::min(sum, static_cast<double>(kLongest)));
}

// One directive of Cache-Control. Unknown ones are ignored, as RFC 9111 says.
bool take_directive(CacheWish &wish, std::string_view directive) {
    const size_t equals = directive.find('=');
    const std::string_view name = without_blanks(directive.substr(0, equals));
    std::string_view value = equals == std::string_view::npos
                                 ? std::string_view()
                                 : without_blanks(directive.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
    }
    if (equal_ignoring_case(name, "no-store")) {
        wish.no_store = true;
    } else if (equal_ignoring_case(name, "no-cache")) {
        wish.no_cache = true;
    } else if (equal_ignoring_case(name, "only-if-cached")) {
        wish.only_if_cached = true;
    } else if (equal_ignoring_case(name, "max-age")) {
        wish.max_age = read_seconds(value);
        return wish.max_age.has_value();
    }
    return true;
}

tl::unexpected<ApiError> wrong_header(const char *name, const char *what) {
    return tl::unexpected(
        ApiError::of(400, "invalid_value", std::string(name) + " must be " + what + ".", name));
}

}  // namespace

tl::expected<CacheWish, ApiError> read_cache_wish(std::string_view cache_control,
                                                  std::string_view partition,
                                                  std::string_view ttl) {
    CacheWish wish;
    while (!cache_control.empty()) {
        const size_t comma = cache_control.find(',');
        if (!take_directive(wish, cache_control.substr(0, comma))) {
            return wrong_header("Cache-Control", "a list of directives, with max-age in seconds");
        }
        cache_control.remove_prefix(comma == std::string_view::npos ? cache_control.size()
                                                                    : comma + 1);
    }
    if (!ttl.empty()) {
        wish.ttl = read_duration(ttl);
        if (!wish.ttl || *wish.ttl < 1) {
            return wrong_header("x-bf-cache-ttl", "a time of at least a second, such as 300 or 5m");
        }
    }
    wish.partition = partition;
    return wish;
}

}  // namespace gateway
