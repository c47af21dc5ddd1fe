#include "core/money.h"

#include <algorithm>

namespace gateway {

namespace {

constexpr MicroUsd kDollar = 1'000'000;

}  // namespace

std::string dollars(MicroUsd usd) {
    std::string fraction = std::to_string(kDollar + usd % kDollar).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    return std::to_string(usd / kDollar) + (fraction.empty() ? "" : "." + fraction);
}

std::optional<MicroUsd> parse_dollars(std::string_view text) {
    constexpr size_t kDecimals = 6;
    constexpr size_t kMaxDigits = 6;  // nothing here costs a million
    const size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    const std::string_view fraction =
        point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
    if (whole.empty() || whole.size() > kMaxDigits || fraction.size() > kDecimals) {
        return std::nullopt;
    }
    MicroUsd usd = 0;
    const auto take = [&](char digit) {
        usd = usd * 10 + (digit - '0');
        return digit >= '0' && digit <= '9';
    };
    if (!std::all_of(whole.begin(), whole.end(), take) ||
        !std::all_of(fraction.begin(), fraction.end(), take)) {
        return std::nullopt;
    }
    for (size_t i = fraction.size(); i < kDecimals; ++i) {
        usd *= 10;
    }
    return usd;
}

}  // namespace gateway
