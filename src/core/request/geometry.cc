#include "core/request/geometry.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace gateway {

namespace {

constexpr int64_t kLongestSide = 16384;
constexpr int64_t kSmallestTier = 64;

std::optional<int64_t> parse_side(std::string_view digits) {
    int64_t number = 0;
    const char *end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, number);
    const bool good = error == std::errc() && stop == end && number > 0 && digits.front() != '0' &&
                      number <= kLongestSide;
    return good ? std::optional(number) : std::nullopt;
}

std::optional<Pixels> parse_pair(std::string_view text, char separator) {
    const size_t middle = text.find(separator);
    if (middle == std::string_view::npos) {
        return std::nullopt;
    }
    const auto width = parse_side(text.substr(0, middle));
    const auto height = parse_side(text.substr(middle + 1));
    return width && height ? std::optional(Pixels{*width, *height}) : std::nullopt;
}

std::optional<int64_t> in_tier_range(std::optional<int64_t> side) {
    return side && *side >= kSmallestTier ? side : std::nullopt;
}

}  // namespace

std::optional<Pixels> parse_size(std::string_view text) {
    return parse_pair(text, 'x');
}

std::optional<Pixels> parse_ratio(std::string_view text) {
    return parse_pair(text, ':');
}

std::optional<int64_t> parse_tier(std::string_view text) {
    if (text.size() < 2 || text.size() > 8 || (text.back() != 'K' && text.back() != 'k')) {
        return std::nullopt;
    }
    text.remove_suffix(1);
    // One digit after the point is enough for all known tiers.
    const size_t point = text.find('.');
    int64_t tenths = 0;
    if (point != std::string_view::npos) {
        if (point + 2 != text.size() || text.back() < '0' || text.back() > '9') {
            return std::nullopt;
        }
        tenths = text.back() - '0';
        text = text.substr(0, point);
    }
    // Accepts "0.5K", but neither "-0.5K" nor "01K".
    const bool below_one = text == "0" && point != std::string_view::npos;
    const auto whole = below_one ? std::optional<int64_t>(0) : parse_side(text);
    if (!whole || *whole > kLongestSide / 1024) {
        return std::nullopt;
    }
    const int64_t side = (*whole * 10 + tenths) * 1024 / 10;
    return side <= kLongestSide ? in_tier_range(side) : std::nullopt;
}

std::optional<int64_t> parse_resolution(std::string_view text) {
    if (const auto tier = parse_tier(text)) {
        return tier;
    }
    if (text.ends_with("sq")) {
        text.remove_suffix(2);
    }
    return text.empty() ? std::nullopt : in_tier_range(parse_side(text));
}

std::string size_text(Pixels size) {
    return std::to_string(size.width) + "x" + std::to_string(size.height);
}

Pixels stored_size(const ImageFacts &facts) {
    return {facts.width, facts.height};
}

Pixels shown_size(const ImageFacts &facts) {
    constexpr int kFirstTurned = 5;  // orientations from 5 on exchange the sides
    const Pixels size = stored_size(facts);
    return facts.orientation >= kFirstTurned ? Pixels{size.height, size.width} : size;
}

std::string spelled_ratio(Pixels ratio) {
    return std::to_string(ratio.width) + ":" + std::to_string(ratio.height);
}

std::string ratio_text(Pixels ratio) {
    const int64_t divisor = std::gcd(ratio.width, ratio.height);
    return spelled_ratio({ratio.width / divisor, ratio.height / divisor});
}

Shape shape_of(const Params &params) {
    const std::string_view size = params.text(Param::size);
    Shape shape;
    shape.size = parse_size(size);
    shape.ratio = parse_ratio(params.text(Param::aspect_ratio));
    shape.tier = parse_resolution(params.text(Param::resolution));
    if (!shape.tier) {
        shape.tier = parse_tier(size);
    }
    return shape;
}

bool agree(Pixels size, Pixels ratio) {
    constexpr double kTolerance = 0.03;  // 1376x768 is called 16:9, and 1792x1024 too
    return deviation(size.ratio(), ratio.ratio()) <= kTolerance;
}

bool agree(Pixels size, int64_t tier) {
    // Compares the area and the longer side: 2048x1152 and 2048x2048 are both called 2K.
    const auto near = [=](double side) {
        return std::abs(std::log2(side / static_cast<double>(tier))) <= 0.5;
    };
    return near(std::sqrt(static_cast<double>(size.area()))) ||
           near(static_cast<double>(std::max(size.width, size.height)));
}

double deviation(double is, double wanted) {
    return std::abs(is / wanted - 1);
}

}  // namespace gateway
