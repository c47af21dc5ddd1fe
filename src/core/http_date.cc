#include "core/http_date.h"

#include <array>
#include <charconv>
#include <chrono>

namespace gateway {

namespace {

// Reads a number of exactly this many digits.
std::optional<int> number_at(std::string_view text, size_t place, size_t digits) {
    int number = 0;
    const char *first = text.data() + place;
    const auto [stop, problem] = std::from_chars(first, first + digits, number);
    return problem == std::errc() && stop == first + digits && *first != '-' ? std::optional(number)
                                                                             : std::nullopt;
}

std::optional<unsigned> month_named(std::string_view name) {
    static constexpr std::array<std::string_view, 12> kMonths = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (unsigned i = 0; i < kMonths.size(); ++i) {
        if (kMonths[i] == name) {
            return i + 1;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<int64_t> parse_http_date(std::string_view text) {
    constexpr std::string_view kForm = "Sun, 06 Nov 1994 08:49:37 GMT";
    if (text.size() != kForm.size() || !text.ends_with(" GMT") || text.substr(3, 2) != ", " ||
        text[19] != ':' || text[22] != ':') {
        return std::nullopt;
    }
    const auto day = number_at(text, 5, 2);
    const auto month = month_named(text.substr(8, 3));
    const auto year = number_at(text, 12, 4);
    const auto hour = number_at(text, 17, 2);
    const auto minute = number_at(text, 20, 2);
    const auto second = number_at(text, 23, 2);
    if (!day || !month || !year || !hour || !minute || !second || *hour > 23 || *minute > 59 ||
        *second > 60) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) {
        return std::nullopt;
    }
    const auto days = std::chrono::sys_days(date).time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(days).count() + *hour * 3600 +
           *minute * 60 + *second;
}

}  // namespace gateway
