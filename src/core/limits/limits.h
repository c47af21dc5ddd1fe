// How much a party may use, as its key or the configuration says. Each kind of limit is one row.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace gateway {

// 0 means no limit.
struct Limits {
    int64_t requests_per_minute = 0;
    int64_t images_per_minute = 0;
    int64_t images_per_day = 0;
    int64_t concurrent = 0;

    [[nodiscard]] bool any() const;
    // Each limit that is not set is taken from `defaults`.
    [[nodiscard]] Limits or_else(const Limits &defaults) const;
};

enum class LimitUnit : uint8_t { requests, images };
// For `at_once`, the requests that run are counted.
enum class LimitWindow : uint8_t { at_once, minute, day };

struct LimitRow {
    int64_t Limits::*value;
    std::string_view json_name;  // in a keys.json
    std::string_view word;       // of image_gateway_limit
    LimitWindow window;
    LimitUnit unit;
    std::string_view text;  // in the error that refuses a request
};

// Those of one unit are checked in this order: the limit whose wait is shorter refuses first.
inline constexpr LimitRow kLimitRows[] = {
    {&Limits::concurrent, "concurrent", "concurrent", LimitWindow::at_once, LimitUnit::requests,
     "concurrent requests"},
    {&Limits::requests_per_minute, "requests_per_minute", "requests", LimitWindow::minute,
     LimitUnit::requests, "requests per minute"},
    {&Limits::images_per_minute, "images_per_minute", "images", LimitWindow::minute,
     LimitUnit::images, "images per minute"},
    {&Limits::images_per_day, "images_per_day", "images_day", LimitWindow::day, LimitUnit::images,
     "images per day"},
};

inline bool Limits::any() const {
    return std::any_of(std::begin(kLimitRows), std::end(kLimitRows),
                       [this](const LimitRow &row) { return this->*row.value > 0; });
}

inline Limits Limits::or_else(const Limits &defaults) const {
    Limits all = *this;
    for (const LimitRow &row : kLimitRows) {
        if (all.*row.value == 0) {
            all.*row.value = defaults.*row.value;
        }
    }
    return all;
}

}  // namespace gateway
