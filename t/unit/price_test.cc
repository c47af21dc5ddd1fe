// The examples in the published prices of OpenAI, Black Forest Labs and Google, and their cost.
#include "core/catalog/price.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "catalogues.h"

namespace gateway {
namespace {

Params sent_as(const char *size, const char *quality = "", const char *tier = "") {
    Params sent;
    const std::pair<Param, const char *> parts[] = {
        {Param::size, size}, {Param::quality, quality}, {Param::resolution, tier}};
    for (const auto &[param, text] : parts) {
        if (*text != '\0') {
            sent[param] = std::string_view(text);
        }
    }
    return sent;
}

// One image, and no tokens but its own.
Cost cost_of_one(const ModelSpec &model, const Params &sent) {
    ImageResult result;
    result.images.resize(1);
    const PricedCall call{sent};
    if (model.price->per_million_tokens) {
        result.usage = count_usage(result, call, model);
    }
    return cost_of(result, call, model);
}

// As many units of the last published digit, rounded half up.
int64_t at_precision_of(const std::string &published, MicroUsd usd) {
    int64_t unit = 1'000'000;
    for (size_t i = published.find('.') + 1; i < published.size(); ++i) {
        unit /= 10;
    }
    return (usd + unit / 2) / unit;
}

struct Row {
    const char *model;
    const char *size;
    const char *quality;
    const char *published;  // dollars
};

void expect_prices(const char *api, std::span<const Row> rows) {
    for (const Row &row : rows) {
        SCOPED_TRACE(std::string(row.model) + " " + row.size + " " + row.quality);
        const ModelSpec &model = model_of(api, row.model);
        const Params sent = sent_as(row.size, row.quality);
        const Cost cost = cost_of_one(model, sent);
        ASSERT_TRUE(cost.usd);
        EXPECT_EQ(at_precision_of(row.published, *cost.usd),
                  at_precision_of(row.published, *parse_dollars(row.published)))
            << *cost.usd;
        EXPECT_GE(*upper_bound({sent}, model), *cost.usd);
    }
}

TEST(Price, OfOpenAisModelsIsAsPublished) {
    constexpr const char *kSquare = "1024x1024";
    constexpr const char *kTall = "1024x1536";
    constexpr const char *kWide = "1536x1024";
    const Row kRows[] = {
        {"gpt-image-2", kSquare, "low", "0.006"},
        {"gpt-image-2", kSquare, "medium", "0.053"},
        {"gpt-image-2", kSquare, "high", "0.211"},
        {"gpt-image-2", kWide, "low", "0.005"},
        {"gpt-image-2", kTall, "medium", "0.041"},
        {"gpt-image-2", kWide, "high", "0.165"},
        {"gpt-image-2.5-flare", kSquare, "low", "0.00588"},
        {"gpt-image-2.5-flare", kSquare, "medium", "0.01317"},
        {"gpt-image-2.5-flare", kSquare, "high", "0.05268"},
        {"gpt-image-2.5-flare", kSquare, "xhigh", "0.09366"},
        {"gpt-image-2.5-sunburst", kSquare, "max", "0.21072"},
        {"gpt-image-2.5-sunburst", kWide, "low", "0.00474"},
        {"gpt-image-2.5-sunburst", kTall, "medium", "0.01029"},
        {"gpt-image-2.5-sunburst", kWide, "high", "0.04116"},
        {"gpt-image-2.5-sunburst", kTall, "xhigh", "0.07377"},
        {"gpt-image-2.5-sunburst", kWide, "max", "0.16464"},
        {"gpt-image-1.5", kSquare, "low", "0.009"},
        {"gpt-image-1.5", kSquare, "medium", "0.034"},
        {"gpt-image-1.5", kSquare, "high", "0.133"},
        {"gpt-image-1.5", kTall, "low", "0.013"},
        {"gpt-image-1.5", kWide, "low", "0.013"},
        {"gpt-image-1.5", kTall, "medium", "0.05"},
        {"gpt-image-1.5", kWide, "high", "0.2"},
        {"chatgpt-image-latest", kSquare, "high", "0.133"},
        {"gpt-image-1", kSquare, "low", "0.011"},
        {"gpt-image-1", kSquare, "medium", "0.042"},
        {"gpt-image-1", kTall, "low", "0.016"},
        {"gpt-image-1", kWide, "low", "0.016"},
        {"gpt-image-1", kTall, "medium", "0.063"},
        {"gpt-image-1", kWide, "medium", "0.063"},
        {"gpt-image-1", kTall, "high", "0.25"},
        {"gpt-image-1", kWide, "high", "0.25"},
        {"dall-e-3", kSquare, "standard", "0.04"},
        {"dall-e-3", "1792x1024", "standard", "0.08"},
        {"dall-e-3", kSquare, "hd", "0.08"},
        {"dall-e-3", "1024x1792", "hd", "0.12"},
        {"dall-e-2", "256x256", "", "0.016"},
        {"dall-e-2", "512x512", "", "0.018"},
        {"dall-e-2", kSquare, "standard", "0.02"},
    };
    expect_prices("openai", kRows);
}

// Published as $0.167, which 4160 tokens at $40 a million ($0.1664) are not, however rounded.
TEST(Price, OfGptImage1InHighQualityIsATenthOfACentBelowThePublishedOne) {
    EXPECT_EQ(cost_of_one(model_of("openai", "gpt-image-1"), sent_as("1024x1024", "high")).usd,
              166'400);
}

// The published prices of gpt-image-1-mini lie $0.0020 to $0.0029 above its published tokens times
// its published price. Its answers tell tokens, and by tokens it is billed: so that is what counts.
TEST(Price, OfGptImage1MiniFollowsItsTokensAndNotThePriceListOfImages) {
    const struct {
        const char *size;
        const char *quality;
        const char *published;
        MicroUsd by_tokens;
    } kRows[] = {
        {"1024x1024", "low", "0.005", 2176},     {"1024x1536", "low", "0.006", 3264},
        {"1024x1024", "medium", "0.011", 8448},  {"1024x1536", "medium", "0.015", 12672},
        {"1024x1024", "high", "0.036", 33280},   {"1024x1536", "high", "0.052", 49920},
        {"1536x1024", "medium", "0.015", 12544}, {"1536x1024", "high", "0.052", 49664},
    };
    for (const auto &row : kRows) {
        const Cost cost =
            cost_of_one(model_of("openai", "gpt-image-1-mini"), sent_as(row.size, row.quality));
        ASSERT_EQ(cost.usd, row.by_tokens) << row.size << row.quality;
        EXPECT_NEAR(static_cast<double>(*parse_dollars(row.published) - *cost.usd), 2450, 400);
    }
}

TEST(Price, OfAnImageOnOpenAisGridIsSoManyTokens) {
    const struct {
        int64_t grid;
        int64_t square;
        int64_t wide;
    } kRows[] = {
        {16, 196, 158}, {24, 439, 343}, {48, 1756, 1372}, {64, 3122, 2459}, {96, 7024, 5488}};
    for (const auto &row : kRows) {
        EXPECT_EQ(grid_tokens(row.grid, 1024, 1024), row.square);
        EXPECT_EQ(grid_tokens(row.grid, 1536, 1024), row.wide);
        EXPECT_EQ(grid_tokens(row.grid, 1024, 1536), row.wide);
    }
    // Sixteen times 3:32, 5:32 and 7:32 are 1.5, 2.5 and 3.5: halves go to the even, to 2, 2 and 4.
    EXPECT_EQ(grid_tokens(16, 3, 32), 17);
    EXPECT_EQ(grid_tokens(16, 5, 32), 17);
    EXPECT_EQ(grid_tokens(16, 7, 32), 33);
    EXPECT_EQ(grid_tokens(4096, 16384, 16384), 1'134'288'515);
}

TEST(Price, OfFluxModelsIsAsPublished) {
    const Row kRows[] = {
        {"flux-2-klein-4b", "1024x1024", "", "0.014"},
        {"flux-2-klein-4b", "2048x1024", "", "0.015"},
        {"flux-2-klein-9b", "1024x1024", "", "0.015"},
        {"flux-2-klein-9b", "2048x2048", "", "0.021"},
        {"flux-2-pro", "1024x1024", "", "0.03"},
        {"flux-2-pro", "2048x2048", "", "0.075"},
        {"flux-2-pro", "64x64", "", "0.03"},
        {"flux-2-pro", "1040x1024", "", "0.045"},
        {"flux-2-max", "1024x1024", "", "0.07"},
        {"flux-2-max", "2048x1024", "", "0.10"},
        {"flux-kontext-pro", "", "", "0.04"},
        {"flux-kontext-max", "", "", "0.08"},
        {"flux-pro-1.1", "1440x1440", "", "0.04"},
        {"flux-pro-1.1-ultra", "", "", "0.06"},
        {"flux-dev", "256x256", "", "0.025"},
    };
    expect_prices("black-forest-labs", kRows);
    const ModelSpec &flux3 = model_of("black-forest-labs", "flux-3-image");
    EXPECT_EQ(cost_of_one(flux3, sent_as("", "", "768sq")).usd, 41'000);
    EXPECT_EQ(cost_of_one(flux3, sent_as("", "", "1k")).usd, 48'000);
    EXPECT_EQ(cost_of_one(flux3, sent_as("")).usd, 48'000) << "it makes 1k when it is not told";
    EXPECT_EQ(cost_of_one(flux3, sent_as("", "", "2k")).usd, 100'000);
    EXPECT_EQ(cost_of_one(flux3, sent_as("", "", "4k")).usd, 607'000);
    EXPECT_FALSE(cost_of_one(flux3, sent_as("", "", "1.5k")).usd) << "it is not on the list";
}

TEST(Price, OfGeminiModelsIsAsPublished) {
    const struct {
        const char *model;
        const char *tier;
        const char *published;
    } kRows[] = {
        {"gemini-nano-banana-2.1", "1K", "0.0336"},
        {"gemini-nano-banana-2.1", "2K", "0.0504"},
        {"gemini-nano-banana-2.1", "4K", "0.113"},
        {"gemini-3.1-flash-image", "512", "0.045"},
        {"gemini-3.1-flash-image", "1K", "0.067"},
        {"gemini-3.1-flash-image", "2K", "0.101"},
        {"gemini-3.1-flash-image", "4K", "0.151"},
        {"gemini-3.1-flash-image", "", "0.067"},
        {"gemini-3.1-flash-lite-image", "1K", "0.034"},
        {"gemini-3-pro-image", "1K", "0.134"},
        {"gemini-3-pro-image", "2K", "0.134"},
        {"gemini-3-pro-image", "4K", "0.24"},
        {"gemini-3-pro-image", "", "0.134"},
        {"gemini-2.5-flash-image", "", "0.039"},
    };
    for (const auto &row : kRows) {
        const Cost cost =
            cost_of_one(model_of("google-gemini", row.model), sent_as("", "", row.tier));
        ASSERT_TRUE(cost.usd) << row.model << row.tier;
        EXPECT_EQ(at_precision_of(row.published, *cost.usd),
                  at_precision_of(row.published, *parse_dollars(row.published)))
            << row.model << " " << row.tier << " " << *cost.usd;
    }
}

struct EditRow {
    const char *api;
    const char *model;
    const char *size;
    std::vector<Pixels> inputs;
    const char *published;  // dollars
};

// As the providers' price lists have them: for the image that is made, and for those that it is
// made from.
TEST(Price, OfEditsIsAsPublished) {
    constexpr Pixels kOne{1024, 1024};
    constexpr Pixels kTwo{2048, 1024};
    constexpr Pixels kSmall{64, 64};
    const EditRow kRows[] = {
        // Black Forest Labs: each further megapixel of output and each one of input
        {"black-forest-labs", "flux-2-pro", "1024x1024", {kOne}, "0.045"},
        {"black-forest-labs", "flux-2-pro", "1024x1024", {kSmall}, "0.045"},
        {"black-forest-labs", "flux-2-pro", "1024x1024", {kOne, kTwo}, "0.075"},
        {"black-forest-labs", "flux-2-pro", "2048x2048", {kOne}, "0.09"},
        {"black-forest-labs", "flux-2-max", "1024x1024", {kOne, kOne}, "0.13"},
        {"black-forest-labs", "flux-2-klein-4b", "1024x1024", {kOne}, "0.015"},
        {"black-forest-labs", "flux-2-klein-9b", "1024x1024", {kOne}, "0.017"},
        {"black-forest-labs", "flux-kontext-pro", "", {kTwo}, "0.04"},
        {"black-forest-labs", "flux-kontext-max", "", {kTwo}, "0.08"},
        {"black-forest-labs", "flux-pro-1.0-fill", "", {kTwo}, "0.05"},
        {"black-forest-labs", "flux-pro-1.0-expand", "", {kTwo}, "0.05"},
        // fal
        {"fal", "fal-ai/flux-2-pro/edit", "1024x1024", {kOne}, "0.045"},
        {"fal", "fal-ai/flux-2-pro/edit", "2048x1024", {kOne, kOne}, "0.075"},
        {"fal", "fal-ai/flux-2-flex/edit", "1024x1024", {kOne}, "0.1"},
        {"fal", "fal-ai/flux-pro/kontext", "", {kOne}, "0.04"},
        {"fal", "fal-ai/flux-pro/v1/fill", "1024x1024", {kOne}, "0.05"},
        {"fal", "fal-ai/flux-pro/v1/fill", "2048x1024", {kTwo}, "0.1"},
        // Replicate
        {"replicate", "black-forest-labs/flux-kontext-pro", "", {kOne}, "0.04"},
        {"replicate", "black-forest-labs/flux-kontext-max", "", {kOne}, "0.08"},
        // xAI: $0.02, and $0.002 for each input image
        {"xai", "grok-imagine-image", "", {kOne}, "0.022"},
        {"xai", "grok-imagine-image", "", {kOne, kTwo, kSmall}, "0.026"},
        // Recraft: 40 units for a raster image by V3
        {"recraft", "recraftv3", "", {kOne}, "0.04"},
    };
    for (const EditRow &row : kRows) {
        SCOPED_TRACE(std::string(row.model) + " " + row.size);
        const ModelSpec &model = model_of(row.api, row.model);
        ASSERT_TRUE(model.can(Operation::edit));
        ASSERT_LE(static_cast<int64_t>(row.inputs.size()), model.inputs.max);
        const Params sent = sent_as(row.size);
        const PricedCall call{sent, 1, static_cast<int64_t>(row.inputs.size()), 0, row.inputs};
        ImageResult result;
        result.images.resize(1);
        const Cost cost = cost_of(result, call, model);
        EXPECT_EQ(cost.usd, *parse_dollars(row.published));
        const auto bound = upper_bound(call, model);
        ASSERT_TRUE(bound);
        EXPECT_GE(*bound, *parse_dollars(row.published)) << "a budget covers it";
    }
}

// Gemini's price list says what an input image costs in addition; OpenAI's, what a million of its
// tokens costs.
TEST(Price, OfInputImagesInTokensIsAsPublished) {
    const struct {
        const char *api;
        const char *model;
        int64_t tokens;
        const char *published;
    } kRows[] = {
        {"google-gemini", "gemini-nano-banana-2.1", 1120, "0.00168"},
        {"google-gemini", "gemini-3-pro-image", 560, "0.0011"},
        {"google-gemini", "gemini-3.1-flash-image", 1120, "0.00056"},
        {"google-gemini", "gemini-3.1-flash-lite-image", 1120, "0.00028"},
        {"openai", "gpt-image-1.5", 1'000'000, "8"},
        {"openai", "gpt-image-2", 1'000'000, "8"},
        {"openai", "gpt-image-2.5-flare", 1'000'000, "8"},
        {"openai", "gpt-image-1-mini", 1'000'000, "2.5"},
    };
    for (const auto &row : kRows) {
        SCOPED_TRACE(row.model);
        const ModelSpec &model = model_of(row.api, row.model);
        const Params sent;
        ImageResult result;
        result.images.resize(1);
        const auto cost_with = [&](int64_t tokens) {
            result.usage =
                Usage{.input_tokens = tokens, .input_image_tokens = tokens, .output_tokens = 1000};
            return cost_of(result, {sent}, model).usd.value_or(-1);
        };
        EXPECT_EQ(at_precision_of(row.published, cost_with(row.tokens) - cost_with(0)),
                  at_precision_of(row.published, *parse_dollars(row.published)));
    }
}

TEST(Price, OfTheSandboxIsKnownToBeNothing) {
    const ModelSpec &model = model_of("sandbox", "placeholder");
    EXPECT_TRUE(model.price->is_free());
    const Cost cost = cost_of_one(model, sent_as("512x512"));
    EXPECT_EQ(cost.usd, 0);
    EXPECT_EQ(cost.basis, "image");
    EXPECT_EQ(upper_bound({sent_as("512x512"), 10}, model), 0);
    EXPECT_FALSE(model_of("black-forest-labs", "flux-dev").price->is_free());
    EXPECT_FALSE(model_of("openai", "gpt-image-2").price->is_free());
}

}  // namespace
}  // namespace gateway
