#include "core/utc_time.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace gateway {

std::optional<int64_t> parse_time(std::string_view text) {
    constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:ddZ";
    if (text.size() != kForm.size()) {
        return std::nullopt;
    }
    int numbers[6] = {};
    size_t part = 0;
    for (size_t i = 0; i < kForm.size(); ++i) {
        if (kForm[i] != 'd') {
            if (text[i] != kForm[i]) {
                return std::nullopt;
            }
            ++part;
        } else if (text[i] < '0' || text[i] > '9') {
            return std::nullopt;
        } else {
            numbers[part] = numbers[part] * 10 + (text[i] - '0');
        }
    }
    using namespace std::chrono;
    const year_month_day date{year(numbers[0]), month(static_cast<unsigned>(numbers[1])),
                              day(static_cast<unsigned>(numbers[2]))};
    if (!date.ok() || numbers[3] > 23 || numbers[4] > 59 || numbers[5] > 60) {
        return std::nullopt;
    }
    const auto days = sys_days(date).time_since_epoch().count();
    return int64_t{days} * 86400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5];
}

std::string format_time(int64_t unix_seconds) {
    using namespace std::chrono;
    constexpr int64_t kDay = 86400;
    const int64_t second = unix_seconds % kDay;
    const year_month_day date{sys_days(days(unix_seconds / kDay))};
    std::array<char, 32> text{};
    const int size =
        std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                      static_cast<unsigned>(date.day()), static_cast<int>(second / 3600),
                      static_cast<int>(second / 60 % 60), static_cast<int>(second % 60));
    return {text.data(), static_cast<size_t>(size)};
}

}  // namespace gateway
