// What images cost: pure functions over the catalogue's prices. What is not known is nothing, and
// never 0.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/money.h"
#include "core/outcome.h"
#include "core/request/image_request.h"

namespace gateway {

struct ModelSpec;

// The rows of a price list are tried in order; a word that is not there matches anything.
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

    // Megapixels of 1024 x 1024 pixels, begun ones counted whole.
    struct PerMegapixel {
        MicroUsd first = 0;
        MicroUsd further = 0;
        MicroUsd input = 0;
    };
    std::optional<PerMegapixel> per_megapixel;

    // In millionths of a dollar for a million tokens.
    struct PerMillionTokens {
        std::optional<MicroUsd> text_in;
        std::optional<MicroUsd> image_in;
        std::optional<MicroUsd> text_out;
        std::optional<MicroUsd> image_out;
    };
    std::optional<PerMillionTokens> per_million_tokens;

    // How many tokens a picture is, where tokens are what is paid for: by a list, or by OpenAI's
    // grid, whose longer side is given for each quality.
    struct OutputTokens {
        PriceKey key;
        int64_t tokens = 0;
    };
    std::vector<OutputTokens> output_tokens;
    std::map<std::string, int64_t, std::less<>> token_grid;
    int64_t partial_tokens = 0;  // for each preview of a stream
    int64_t max_text_out = 0;    // what the model may say or think besides, for the bound

    bool at_most = false;  // known only as a bound: no cost is told by it

    [[nodiscard]] bool is_free() const;
};

// What decides about the price of a call.
struct PricedCall {
    const Params &sent;
    int64_t images = 1;
    int64_t input_images = 0;
    int64_t partials = 0;  // for each image
};

// The most that the call can cost; nothing when the model has no price.
std::optional<MicroUsd> upper_bound(const PricedCall &call, const ModelSpec &model);

struct Cost {
    std::optional<MicroUsd> usd;
    std::string_view basis = "unknown";  // provider, tokens, image, megapixels

    // Of several calls: unknown if one is.
    Cost &operator+=(const Cost &other);
};

// The cost of so many images that a call made. A cost that the provider tells wins.
Cost cost_of(const ImageResult &result, size_t images, const PricedCall &call,
             const ModelSpec &model);
inline Cost cost_of(const ImageResult &result, const PricedCall &call, const ModelSpec &model) {
    return cost_of(result, result.images.size(), call, model);
}

// Tokens as far as they can be counted here, for answers that tell none: pictures by the catalogue,
// texts by the rule of thumb of four characters.
Usage count_usage(const ImageWords &words, size_t images, const PricedCall &call,
                  const ModelSpec &model);
inline Usage count_usage(const ImageResult &result, const PricedCall &call,
                         const ModelSpec &model) {
    return count_usage(result, result.images.size(), call, model);
}

// Tokens of a picture on OpenAI's grid.
int64_t grid_tokens(int64_t grid, int64_t width, int64_t height);

}  // namespace gateway
