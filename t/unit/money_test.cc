// Amounts as texts, estimated tokens, and that the maximum cost is never exceeded.
#include <gtest/gtest.h>

#include <string>

#include "catalogues.h"
#include "core/catalog/fit.h"
#include "core/catalog/fit_geometry.h"
#include "random_request.h"

namespace gateway {
namespace {

using Text = std::string_view;

TEST(Dollars, AreWrittenWithoutAnythingNeedless) {
    const struct {
        MicroUsd usd;
        const char *text;
    } kRows[] = {
        {0, "0"},
        {1, "0.000001"},
        {10, "0.00001"},
        {33'600, "0.0336"},
        {500'000, "0.5"},
        {1'000'000, "1"},
        {1'000'001, "1.000001"},
        {30'000'000, "30"},
        {12'340'000, "12.34"},
        {999'999, "0.999999"},
        {INT64_MAX, "9223372036854.775807"},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(dollars(row.usd), row.text);
    }
}

TEST(Dollars, AreReadAsTheyWereWritten) {
    FakeRandom random(2);
    for (int i = 0; i < 20'000; ++i) {
        const auto usd = static_cast<MicroUsd>(random.below(uint64_t{1} << random.below(40)));
        if (usd < 1'000'000'000'000) {
            ASSERT_EQ(parse_dollars(dollars(usd)), usd);
        }
    }
    EXPECT_EQ(parse_dollars("0.10"), 100'000);
    EXPECT_EQ(parse_dollars("999999.999999"), 999'999'999'999);
}

TEST(Dollars, ThatAreNoneAreNotRead) {
    for (const char *text : {"", ".", ".5", "-1", "+1", " 1", "1 ", "1,5", "1e3", "1e-3", "0x10",
                             "1.2.3", "0.0000001", "1000000", "NaN", "one", "1.-5", "1.5e0"}) {
        EXPECT_FALSE(parse_dollars(text)) << text;
    }
}

TEST(CountedUsage, IsOfImagesByTheCatalogueAndOfTextsByTheirLength) {
    Params sent;
    sent[Param::prompt] = Text("äöüß+");  // five characters
    sent[Param::negative_prompt] = Text("rain");
    sent[Param::size] = Text("1536x1024");
    sent[Param::quality] = Text("high");
    ImageResult result;
    result.images.resize(2);
    const Usage usage = count_usage(result, {sent}, model_of("openai", "gpt-image-2.5-flare"));
    EXPECT_EQ(usage.input_tokens, 3);
    EXPECT_EQ(usage.input_text_tokens, 3);
    EXPECT_EQ(usage.input_image_tokens, 0);
    EXPECT_EQ(usage.output_tokens, 2 * 1372);
    EXPECT_EQ(usage.output_image_tokens, 2 * 1372);
    EXPECT_EQ(usage.output_text_tokens, 0);
    EXPECT_EQ(usage.total_tokens, 3 + 2 * 1372);
    result.size = "1024x1024";
    result.quality = "low";
    EXPECT_EQ(count_usage(result, {sent}, model_of("openai", "gpt-image-2")).output_tokens, 392)
        << "what was made counts, not what was asked";
    EXPECT_EQ(count_usage(result, {sent}, model_of("sandbox", "placeholder")).output_tokens, 0);
    EXPECT_EQ(count_usage({}, {Params()}, model_of("openai", "my-model")).total_tokens, 0);
}

// What a provider might answer that keeps to what it was told.
ImageResult random_result(const ModelSpec &model, const PricedCall &call, FakeRandom &random) {
    const auto chance = [&](uint64_t of) { return random.below(of) == 0; };
    ImageResult result;
    result.images.resize(1 + random.below(static_cast<uint64_t>(call.images)));
    const Text size = call.sent.text(Param::size);
    result.size = size;
    if (size.empty() || size == "auto") {
        const double ratio = static_cast<double>(1 + random.below(30)) / 10;
        const auto area = static_cast<double>(1000 + random.below(20'000'000));
        const auto made = nearest_size(model.size, ratio, area, true);
        result.size = made && !chance(4) ? size_text(*made) : "";
    }
    const Text quality = call.sent.text(Param::quality);
    result.quality = quality;
    if ((quality.empty() || quality == "auto") && model[Param::quality]) {
        const auto &choices = model[Param::quality]->choices;
        result.quality = choices.empty() ? "" : choices[random.below(choices.size())];
    }
    Usage usage = count_usage(result, call, model);
    usage.output_tokens += call.partials * static_cast<int64_t>(result.images.size()) *
                           (model.price ? model.price->partial_tokens : 0);
    if (!chance(8)) {
        result.usage = usage;
    }
    return result;
}

TEST(UpperBound, IsNeverBelowWhatACallCosts) {
    RequestMaker maker(3);
    size_t known = 0;
    for (int round = 0; round < 2000; ++round) {
        const RandomRequest request = maker.make();
        for (const auto &[api, rows] : built_in().apis()) {
            for (const ModelSpec &model : rows) {
                const auto fitted = fit(request.params, model, FitMode::adapt);
                if (!model.price || !fitted) {
                    continue;
                }
                const PricedCall call{.sent = fitted->params,
                                      .images = fitted->calls.front(),
                                      .partials = request.params.integer(Param::partial_images, 0)};
                const ImageResult result = random_result(model, call, maker.random());
                const Cost cost = cost_of(result, call, model);
                if (!cost.usd) {
                    continue;
                }
                const auto max = upper_bound(call, model);
                ASSERT_TRUE(max) << api << "/" << model.pattern;
                ASSERT_GE(*max, *cost.usd)
                    << api << "/" << model.pattern << " " << result.size << " " << result.quality
                    << " " << to_json(call.sent[Param::size]);
                known += *cost.usd > 0 ? 1 : 0;
            }
        }
    }
    EXPECT_GT(known, 20'000U);
}

TEST(UpperBound, CountsTextsThatComeBack) {
    const ModelSpec &model = model_of("google-gemini", "gemini-3-pro-image");
    ImageResult result;
    result.images.resize(1);
    result.usage = Usage{.input_tokens = 5, .output_tokens = 1120 + 300, .output_text_tokens = 300};
    EXPECT_GE(upper_bound({Params()}, model), cost_of(result, {Params()}, model).usd);
}

TEST(Cost, DoesNotOverflowWhateverAProviderCounts) {
    Params sent;
    sent[Param::size] = Text("16384x16384");
    for (const auto &[api, rows] : built_in().apis()) {
        for (const ModelSpec &model : rows) {
            ImageResult result;
            result.images.resize(10);
            result.size = "16384x16384";
            result.quality = "high";
            for (const int64_t many : {int64_t{0}, int64_t{100'000'000}, INT64_MAX}) {
                result.usage = Usage{.input_tokens = many, .output_tokens = many};
                const Cost text = cost_of(result, {sent, 10}, model);
                result.usage = Usage{.input_image_tokens = many, .output_text_tokens = many};
                const Cost image = cost_of(result, {sent, 10}, model);
                EXPECT_TRUE(text.usd.value_or(0) >= 0 && image.usd.value_or(0) >= 0);
            }
            const PricedCall max{.sent = sent, .images = 10, .input_images = 16, .partials = 3};
            EXPECT_GE(upper_bound(max, model).value_or(0), 0);
            EXPECT_GE(count_usage(result, max, model).total_tokens, 0);
        }
    }
}

}  // namespace
}  // namespace gateway
