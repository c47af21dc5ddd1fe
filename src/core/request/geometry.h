// The shape of an image as callers write it: sizes, ratios and tiers, which are kept apart and
// never turned into each other on the way in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/request/image_request.h"

namespace gateway {

// Width and height: of an image in pixels, or of its ratio in whatever unit.
struct Pixels {
    int64_t width = 0;
    int64_t height = 0;

    [[nodiscard]] int64_t area() const { return width * height; }
    [[nodiscard]] double ratio() const {
        return static_cast<double>(width) / static_cast<double>(height);
    }
    bool operator==(const Pixels &) const = default;
};

// "WxH". Sides have no leading zeros and are not absurd.
std::optional<Pixels> parse_size(std::string_view text);
// "W:H".
std::optional<Pixels> parse_ratio(std::string_view text);
// A class of sizes, named by the side of its square: "1K" is 1024, "1.5k" is 1536.
std::optional<int64_t> parse_tier(std::string_view text);
// The same where a plain side may stand too: "512", "768sq".
std::optional<int64_t> parse_resolution(std::string_view text);

std::string size_text(Pixels size);

// As it was written, and in lowest terms.
std::string spelled_ratio(Pixels ratio);
std::string ratio_text(Pixels ratio);

// What a request says about the shape.
struct Shape {
    std::optional<Pixels> size;
    std::optional<Pixels> ratio;
    std::optional<int64_t> tier;
};
Shape shape_of(const Params &params);

// Whether a size can be said to be of this ratio, and of this tier: people round.
bool agree(Pixels size, Pixels ratio);
bool agree(Pixels size, int64_t tier);

// How far `is` is from `wanted`, as a part of it.
double deviation(double is, double wanted);

}  // namespace gateway
