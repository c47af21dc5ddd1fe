// Defaults of a profile are never refused or listed; a value that an operator folds into the prompt
// is listed.
#include <gtest/gtest.h>

#include <string>

#include "catalogues.h"
#include "core/catalog/fit.h"

namespace gateway {
namespace {

using Text = std::string_view;

Params prompt(Text text) {
    Params params;
    params[Param::prompt] = text;
    return params;
}

TEST(FitDefaults, AreLeftOutWithoutAWord) {
    Params asked = prompt("a kite");
    asked.set_default(Param::style, Text("vivid"));
    asked.set_default(Param::quality, Text("hd"));
    asked.set_default(Param::size, Text("512x512"));
    asked.set_default(Param::response_format, Text("url"));
    asked.set_default(Param::seed, int64_t{7});
    for (const FitMode mode : {FitMode::adapt, FitMode::strict}) {
        const auto fitted = fit(asked, model_of("openai", "gpt-image-2"), mode);
        ASSERT_TRUE(fitted) << fitted.error().message;
        EXPECT_TRUE(fitted->adjustments.empty());
        EXPECT_FALSE(fitted->params.has(Param::style));
        EXPECT_FALSE(fitted->params.has(Param::seed));
        EXPECT_EQ(fitted->params.text(Param::quality), "high") << "and fitted all the same";
        EXPECT_EQ(fitted->params.text(Param::size), "816x816");
    }
}

TEST(FitDefaults, OfASizeGiveWayToAShapeThatWasAsked) {
    Params asked = prompt("a kite");
    asked.set_default(Param::size, Text("1024x1024"));
    asked[Param::aspect_ratio] = Text("16:9");
    const auto wide = fit(asked, model_of("google-gemini", "gemini-3-pro-image"), FitMode::strict);
    ASSERT_TRUE(wide) << wide.error().message;
    EXPECT_EQ(wide->params.text(Param::aspect_ratio), "16:9");
    EXPECT_FALSE(wide->params.has(Param::resolution));
    EXPECT_FALSE(wide->params.has(Param::size));
}

TEST(FitDefaults, OfASizeGiveWayToATierThatWasAsked) {
    Params asked = prompt("a kite");
    asked.set_default(Param::size, Text("1024x1024"));
    asked[Param::resolution] = Text("4K");
    const auto large = fit(asked, model_of("google-gemini", "gemini-3-pro-image"), FitMode::adapt);
    ASSERT_TRUE(large);
    EXPECT_EQ(large->params.text(Param::resolution), "4K");
    EXPECT_TRUE(large->adjustments.empty());
}

TEST(FitFold, SaysInThePromptWhatTheModelHasNoParameterFor) {
    const ModelSpec model =
        model_taking(R"("prompt":{},"style":{"fold":"Style: {}, please."},"seed":{"fold":"[{}]"})");
    Params asked = prompt("a kite");
    asked[Param::style] = Text("vivid");
    asked[Param::seed] = int64_t{7};
    const auto fitted = fit(asked, model, FitMode::adapt);
    ASSERT_TRUE(fitted);
    EXPECT_EQ(fitted->params.text(Param::prompt), "a kite\nStyle: vivid, please.\n[7]");
    EXPECT_FALSE(fitted->params.has(Param::style));
    EXPECT_FALSE(fitted->params.has(Param::seed));
    ASSERT_EQ(fitted->adjustments.size(), 2U);
    EXPECT_EQ(fitted->adjustments[0].param, "style");
    EXPECT_EQ(fitted->adjustments[0].requested, "\"vivid\"");
    EXPECT_EQ(fitted->adjustments[1].param, "seed");
    EXPECT_FALSE(fit(asked, model, FitMode::strict)) << "it is not sent as asked";
}

TEST(FitFold, IsForThatModelOnly) {
    Params asked = prompt("a kite");
    asked[Param::style] = Text("vivid");
    const auto fitted = fit(asked, model_taking(R"("prompt":{})"), FitMode::adapt);
    ASSERT_TRUE(fitted);
    EXPECT_EQ(fitted->params.text(Param::prompt), "a kite");
    EXPECT_EQ(fitted->adjustments.size(), 1U);
}

TEST(FitFold, APromptThatGrowsTooLongIsRefused) {
    const ModelSpec model = model_taking(R"("prompt":{"max_length":16},"style":{"fold":"In {}"})");
    Params asked = prompt("a kite");
    asked[Param::style] = Text("vivid");  // 6 + 1 + 8
    EXPECT_TRUE(fit(asked, model, FitMode::adapt));
    asked[Param::style] = Text("natural");  // 6 + 1 + 10
    const auto refused = fit(asked, model, FitMode::adapt);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "string_above_max_length");
}

TEST(FitFold, ADefaultIsNotSaidInTheCallersPrompt) {
    const ModelSpec model = model_taking(R"("prompt":{"max_length":8},"style":{"fold":"In {}"})");
    Params asked = prompt("a kite");
    asked.set_default(Param::style, Text("vivid"));
    const auto fitted = fit(asked, model, FitMode::adapt);
    ASSERT_TRUE(fitted) << "a default is never a refusal: " << fitted.error().message;
    EXPECT_EQ(fitted->params.text(Param::prompt), "a kite");
    EXPECT_TRUE(fitted->adjustments.empty());
}

}  // namespace
}  // namespace gateway
