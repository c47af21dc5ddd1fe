// The cost of a call, if it is known, and its maximum cost.
#include <gtest/gtest.h>

#include <string>

#include "catalogues.h"
#include "core/catalog/price.h"

namespace gateway {
namespace {

using Text = std::string_view;

ImageResult images(size_t count) {
    ImageResult result;
    result.images.resize(count);
    return result;
}

ImageResult with_usage(const Usage &usage) {
    ImageResult result = images(1);
    result.usage = usage;
    return result;
}

Params asking(Param param, ParamValue value) {
    Params sent;
    sent[param] = value;
    return sent;
}

std::string told(const Cost &cost) {
    return (cost.usd ? std::to_string(*cost.usd) : "-") + " " + std::string(cost.basis);
}

const ModelSpec &openai(const char *model) {
    return model_of("openai", model);
}
const ModelSpec &flux(const char *model) {
    return model_of("black-forest-labs", model);
}

TEST(Cost, ThatTheProviderTellsWins) {
    const Params sent;
    for (const char *model : {"gpt-image-2", "dall-e-3", "a-model-without-a-price"}) {
        ImageResult result = with_usage({.output_tokens = 1000});
        result.cost = 12'345;
        EXPECT_EQ(told(cost_of(result, {sent}, openai(model))), "12345 provider") << model;
    }
    ImageResult free = images(1);
    free.cost = 0;
    EXPECT_EQ(told(cost_of(free, {sent}, flux("flux-2-flex"))), "0 provider");
}

TEST(Cost, OfTokensGoesByTheirKind) {
    // OpenAI's own example: two images, and fourteen tokens of a prompt.
    EXPECT_EQ(told(cost_of(with_usage({.input_tokens = 14, .output_tokens = 2744}), {Params()},
                           openai("gpt-image-2.5-sunburst"))),
              "82390 tokens");
    const Usage all = {.input_tokens = 300,
                       .input_image_tokens = 200,
                       .output_tokens = 1100,
                       .output_text_tokens = 100};
    EXPECT_EQ(told(cost_of(with_usage(all), {Params()}, openai("gpt-image-1.5"))),
              std::to_string(100 * 5 + 200 * 8 + 100 * 10 + 1000 * 32) + " tokens");
}

TEST(Cost, IsUnknownWhereAKindOfTokensHasNoPrice) {
    const ModelSpec &no_text_out = openai("gpt-image-2");
    EXPECT_EQ(told(cost_of(with_usage({.output_tokens = 10, .output_text_tokens = 1}), {Params()},
                           no_text_out)),
              "- unknown");
    EXPECT_EQ(told(cost_of(with_usage({.output_tokens = 10, .output_text_tokens = 0}), {Params()},
                           no_text_out)),
              "300 tokens");
    EXPECT_EQ(told(cost_of(with_usage({.output_tokens = 10, .output_text_tokens = 11}), {Params()},
                           openai("gpt-image-1.5"))),
              "- unknown")
        << "more text than there is of all";
}

TEST(Cost, IsUnknownWithoutAPriceOrTokens) {
    const Params sent = asking(Param::size, Text("1024x1024"));
    EXPECT_EQ(told(cost_of(images(1), {sent}, openai("my-model"))), "- unknown");
    EXPECT_EQ(told(cost_of(images(1), {sent}, openai("gpt-image-2"))), "- unknown");
    EXPECT_EQ(told(cost_of(images(1), {sent}, flux("flux-2-pro-preview"))), "- unknown");
    EXPECT_FALSE(upper_bound({sent}, openai("my-model")));
}

TEST(Cost, OfAUsageThatCountsNothingIsUnknown) {
    EXPECT_EQ(told(cost_of(with_usage({}), {Params()}, openai("gpt-image-2"))), "- unknown");
}

TEST(Cost, IsRoundedHalfUpToAMillionthAndABoundUpwards) {
    const ModelSpec &mini = openai("gpt-image-1-mini");  // 2.5 for an image token in
    const auto image_tokens = [&](int64_t count) {
        return cost_of(
                   with_usage(
                       {.input_tokens = count, .input_image_tokens = count, .output_tokens = 1}),
                   {Params()}, mini)
            .usd;
    };
    EXPECT_EQ(image_tokens(1), 11);
    EXPECT_EQ(image_tokens(2), 13);
    EXPECT_EQ(image_tokens(3), 16);
    const ModelSpec cheap = model_with(
        R"("price":{"per_million_tokens":{"text_in":0.01,"image_out":0.01},
                    "output_tokens":[{"tokens":1}]})");
    EXPECT_EQ(cost_of(with_usage({.output_tokens = 49}), {Params()}, cheap).usd, 0);
    EXPECT_EQ(cost_of(with_usage({.output_tokens = 50}), {Params()}, cheap).usd, 1);
    EXPECT_EQ(upper_bound({Params()}, cheap), 1) << "64 + 1 tokens, of a hundred for a millionth";
}

TEST(Cost, OfAnImageGoesByWhatTheProviderSaysItMade) {
    const ModelSpec &dall_e_3 = openai("dall-e-3");
    Params sent = asking(Param::size, Text("1024x1024"));
    sent[Param::quality] = Text("standard");
    EXPECT_EQ(told(cost_of(images(1), {sent}, dall_e_3)), "40000 image");
    EXPECT_EQ(told(cost_of(images(3), {sent}, dall_e_3)), "120000 image");
    EXPECT_EQ(told(cost_of(images(0), {sent}, dall_e_3)), "0 image");
    ImageResult wide_hd = images(1);
    wide_hd.size = "1792x1024";
    wide_hd.quality = "hd";
    EXPECT_EQ(told(cost_of(wide_hd, {sent}, dall_e_3)), "120000 image");
    ImageResult made = images(1);
    made.size = "2048x1024";
    const Params automatic = asking(Param::size, Text("auto"));
    EXPECT_EQ(told(cost_of(made, {automatic}, flux("flux-2-pro"))), "45000 megapixels");
}

TEST(Cost, OfWhatWasLeftToTheModelIsUnknownUnlessItTells) {
    const Params automatic = asking(Param::size, Text("auto"));
    EXPECT_EQ(told(cost_of(images(1), {automatic}, flux("flux-2-pro"))), "- unknown");
    EXPECT_EQ(told(cost_of(images(1), {Params()}, flux("flux-2-pro"))), "- unknown");
    EXPECT_EQ(told(cost_of(images(1), {Params()}, openai("dall-e-2"))), "- unknown");
    ImageResult vague = images(1);
    vague.size = "auto";
    EXPECT_EQ(told(cost_of(vague, {Params()}, openai("dall-e-2"))), "- unknown");
    EXPECT_EQ(upper_bound({automatic}, flux("flux-2-pro")), 75'000) << "four megapixels";
    EXPECT_EQ(upper_bound({Params(), 2}, openai("dall-e-2")), 40'000);
    EXPECT_EQ(upper_bound({Params()}, openai("dall-e-3")), 120'000);
}

TEST(Cost, IsUnknownWhenARowThatComesFirstMayBeMeant) {
    const Params sent = asking(Param::quality, Text("standard"));
    EXPECT_EQ(told(cost_of(images(1), {sent}, openai("dall-e-3"))), "- unknown");
}

TEST(UpperBound, IsThePriceItselfWhereAllIsKnown) {
    Params sent = asking(Param::size, Text("1024x1024"));
    sent[Param::quality] = Text("standard");
    EXPECT_EQ(upper_bound({sent}, openai("dall-e-3")), 40'000);
}

TEST(Cost, OfAPriceKnownOnlyAsABoundIsUnknown) {
    const Params sent = asking(Param::size, Text("1024x1024"));
    EXPECT_EQ(told(cost_of(images(1), {sent}, flux("flux-2-flex"))), "- unknown");
    EXPECT_EQ(upper_bound({sent, 2}, flux("flux-2-flex")), 120'000);
}

TEST(Cost, OfImagesGivenAsInputIsKnownIfTheirSizesAre) {
    const Params sent = asking(Param::size, Text("1024x1024"));
    const PricedCall call{.sent = sent, .images = 1, .input_images = 2};
    EXPECT_EQ(told(cost_of(images(1), call, flux("flux-2-pro"))), "- unknown");
    EXPECT_EQ(upper_bound(call, flux("flux-2-pro")), 30'000 + 2 * 4 * 15'000);
    const Pixels sizes[] = {{1024, 1024}, {1024, 1025}};
    const PricedCall sized{.sent = sent, .images = 1, .input_images = 2, .input_sizes = sizes};
    EXPECT_EQ(told(cost_of(images(1), sized, flux("flux-2-pro"))), "75000 megapixels");
    EXPECT_EQ(upper_bound(sized, flux("flux-2-pro")), 75'000);
}

TEST(UpperBound, CountsEveryImageAndPreviewAndThePrompt) {
    Params sent = asking(Param::size, Text("1024x1024"));
    sent[Param::quality] = Text("low");
    const ModelSpec &model = openai("gpt-image-2");
    const auto bound = [&](int64_t images, int64_t partials) {
        return *upper_bound({.sent = sent, .images = images, .partials = partials}, model);
    };
    EXPECT_EQ(bound(2, 0) - bound(1, 0), 196 * 30);
    EXPECT_EQ(bound(1, 3) - bound(1, 0), 300 * 30);
    EXPECT_EQ(bound(2, 3) - bound(2, 0), 600 * 30);
    const MicroUsd without = bound(1, 0);
    sent[Param::prompt] = Text("a kite");
    EXPECT_EQ(bound(1, 0) - without, 6 * 5) << "a token for each byte at most";
    EXPECT_EQ(*upper_bound({asking(Param::quality, Text("high"))}, model),
              (64 * 5) + 30 * grid_tokens(96, 2880, 2880));
}

TEST(UpperBound, KeepsToWhatWasAsked) {
    Params sent = asking(Param::size, Text("1024x1024"));
    sent[Param::quality] = Text("low");
    EXPECT_EQ(upper_bound({sent}, openai("gpt-image-1.5")), 64 * 5 + 272 * 32 + 1024 * 10);
    EXPECT_EQ(upper_bound({asking(Param::size, Text("512x512"))}, openai("dall-e-2")), 18'000);
    EXPECT_EQ(upper_bound({asking(Param::size, Text("1024x1024"))}, openai("gpt-image-1.5")),
              64 * 5 + 4160 * 32 + 1024 * 10)
        << "any quality, but not any size";
}

TEST(Cost, OfSeveralCallsIsUnknownIfOneIs) {
    Cost sum{100, "tokens"};
    sum += Cost{23, "tokens"};
    EXPECT_EQ(told(sum), "123 tokens");
    sum += Cost{7, "provider"};
    EXPECT_EQ(told(sum), "130 mixed");
    sum += Cost{};
    EXPECT_EQ(told(sum), "- unknown");
    sum += Cost{7, "provider"};
    EXPECT_EQ(told(sum), "- unknown") << "and stays it";
}

}  // namespace
}  // namespace gateway
