// Calculates costs from the catalogue's prices, by pure functions. An unknown cost is nullopt,
// never 0.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/money.h"
#include "core/outcome.h"
#include "core/request/geometry.h"
#include "core/request/image_request.h"

namespace gateway {

struct ModelSpec;

// The key of a row in a price list. Rows are tried in order; an empty word matches anything.
struct PriceKey {
    std::string size;
    std::string quality;
    std::string resolution;
};

struct Price {
    struct PerImage {
        PriceKey key;
        MicroUsd usd = 0;
    };
    std::vector<PerImage> per_image;

    // A megapixel is 1024 x 1024 pixels. Fractions are rounded up.
    struct PerMegapixel {
        MicroUsd first = 0;
        MicroUsd further = 0;
        MicroUsd input = 0;
    };
    std::optional<PerMegapixel> per_megapixel;

    MicroUsd per_input_image = 0;  // in addition to the price per image
    int64_t max_input_tokens = 0;  // of an input image; 0: as many as an image that is made

    // In millionths of a dollar for a million tokens.
    struct PerMillionTokens {
        std::optional<MicroUsd> text_in;
        std::optional<MicroUsd> image_in;
        std::optional<MicroUsd> text_out;
        std::optional<MicroUsd> image_out;
    };
    std::optional<PerMillionTokens> per_million_tokens;

    // The number of tokens of an image, for prices per token: from a list, or by OpenAI's grid,
    // whose longer side is given for each quality.
    struct OutputTokens {
        PriceKey key;
        int64_t tokens = 0;
    };
    std::vector<OutputTokens> output_tokens;
    std::map<std::string, int64_t, std::less<>> token_grid;
    int64_t partial_tokens = 0;  // for each preview of a stream
    int64_t max_text_out = 0;    // the maximum of further text tokens, for the upper bound

    bool at_most = false;  // only an upper bound is known; no cost is reported

    [[nodiscard]] bool is_free() const;
};

// The facts that determine the price of a call.
struct PricedCall {
    const Params &sent;
    int64_t images = 1;
    int64_t input_images = 0;
    int64_t partials = 0;                      // previews of each image
    std::span<const Pixels> input_sizes = {};  // of all input images, if they are known
};

// The maximum cost of the call. Nothing if the model has no price.
std::optional<MicroUsd> upper_bound(const PricedCall &call, const ModelSpec &model);

struct Cost {
    std::optional<MicroUsd> usd;
    std::string_view basis = "unknown";  // provider, tokens, image, megapixels; cache, shared

    // Adds the cost of another call. The sum is unknown if one of them is.
    Cost &operator+=(const Cost &other);
};

// The cost of `images` images of a call. The cost that the provider reports has priority.
Cost cost_of(const ImageResult &result, size_t images, const PricedCall &call,
             const ModelSpec &model);
inline Cost cost_of(const ImageResult &result, const PricedCall &call, const ModelSpec &model) {
    return cost_of(result, result.images.size(), call, model);
}

// Estimates usage for responses that do not report it: images by the catalogue, texts by four
// characters per token.
Usage count_usage(const ImageWords &words, size_t images, const PricedCall &call,
                  const ModelSpec &model);
inline Usage count_usage(const ImageResult &result, const PricedCall &call,
                         const ModelSpec &model) {
    return count_usage(result, result.images.size(), call, model);
}

// The number of tokens of an image on OpenAI's grid.
int64_t grid_tokens(int64_t grid, int64_t width, int64_t height);

}  // namespace gateway
