// The shape of an image as callers write it: sizes, ratios and tiers. Reading a request never
// converts one into another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/request/image_request.h"

namespace gateway {

// Width and height of an image in pixels, or the two numbers of a ratio.
struct Pixels {
    int64_t width = 0;
    int64_t height = 0;

    [[nodiscard]] int64_t area() const { return width * height; }
    [[nodiscard]] double ratio() const {
        return static_cast<double>(width) / static_cast<double>(height);
    }
    bool operator==(const Pixels &) const = default;
};

// "WxH". A side has no leading zeros and is at most 16384.
std::optional<Pixels> parse_size(std::string_view text);
// "W:H".
std::optional<Pixels> parse_ratio(std::string_view text);
// A tier is a class of sizes with the name of its square's side: "1K" is 1024, "1.5k" is 1536.
std::optional<int64_t> parse_tier(std::string_view text);
// The same, but also accepts a side in pixels: "512", "768sq".
std::optional<int64_t> parse_resolution(std::string_view text);

std::string size_text(Pixels size);

// Of an image: as it is stored, and as it is shown, which its EXIF orientation may turn.
Pixels stored_size(const ImageFacts &facts);
Pixels shown_size(const ImageFacts &facts);

// The first writes the ratio as it is, the second in lowest terms.
std::string spelled_ratio(Pixels ratio);
std::string ratio_text(Pixels ratio);

// The shape that a request specifies.
struct Shape {
    std::optional<Pixels> size;
    std::optional<Pixels> ratio;
    std::optional<int64_t> tier;
};
Shape shape_of(const Params &params);

// Whether a size matches a ratio or a tier approximately: published names of sizes are rounded.
bool agree(Pixels size, Pixels ratio);
bool agree(Pixels size, int64_t tier);

// The relative difference between `is` and `wanted`.
double deviation(double is, double wanted);

}  // namespace gateway
