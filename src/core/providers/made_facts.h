// Facts about the images of one call: size and format by their bytes, and each image's share of the
// usage.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/outcome.h"

namespace gateway {

// Replaces the size and format that the provider reported by those that the image's bytes have.
void take_truth(ImageWords &words, const Image &image);

// Completes the usage: output tokens that the provider does not divide count as image tokens.
Usage with_all_details(Usage usage);

// Divides a usage among images: in equal parts, in whole tokens, whose sum is the whole.
class UsageShares {
 public:
    // All counts of a usage. The details come first, then their sums.
    enum Column : uint8_t { text_in, image_in, text_out, image_out, in, out, total, columns };
    using Row = std::array<int64_t, columns>;

    explicit UsageShares(const Usage &all);
    // An image that has its part already, which the others do not get.
    void take(const Usage &part);
    // How many images share the rest. Each of them calls next() once.
    void divide(size_t images) { images_ = static_cast<int64_t>(images); }
    Usage next();

 private:
    Row rest_;
    int64_t images_ = 0;
    int64_t place_ = 0;
};

// The same for the images of one call. The first `given` have their parts already.
void share_usage(std::span<Image> images, const Usage &all, size_t given = 0);

}  // namespace gateway
