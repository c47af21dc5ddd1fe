// Fitting of streams and previews.
#include <gtest/gtest.h>

#include "catalogues.h"
#include "core/catalog/fit.h"
#include "core/catalog/price.h"

namespace gateway {
namespace {

Params asking(bool stream, int64_t partials) {
    Params params;
    params[Param::prompt] = std::string_view("x");
    params[Param::stream] = stream;
    params[Param::partial_images] = partials;
    return params;
}

tl::expected<Fitted, ApiError> fitted(const char *api, const char *model, const Params &params,
                                      FitMode mode = FitMode::adapt) {
    return fit(params, *built_in().find("", api, model), mode);
}

TEST(FitStream, AModelThatCanStreamIsAskedToAndForItsPreviews) {
    const auto sent = fitted("openai", "gpt-image-2", asking(true, 2));
    EXPECT_EQ(sent->params[Param::stream], ParamValue(true));
    EXPECT_EQ(sent->params.integer(Param::partial_images, 0), 2);
    EXPECT_TRUE(sent->adjustments.empty());
}

TEST(FitStream, WithoutPreviewsItIsAskedForAStreamAlone) {
    const auto sent = fitted("openai", "gpt-image-2", asking(true, 0));
    EXPECT_TRUE(sent->params.has(Param::stream));
    EXPECT_FALSE(sent->params.has(Param::partial_images));
}

TEST(FitStream, WithoutAStreamThereAreNoPreviews) {
    const auto sent = fitted("openai", "gpt-image-2", asking(false, 2));
    EXPECT_FALSE(sent->params.has(Param::stream));
    ASSERT_EQ(sent->adjustments.size(), 1U);
    EXPECT_EQ(sent->adjustments[0].reason, "only for streams");
}

TEST(FitStream, AModelThatCannotIsAskedForNeither) {
    const auto sent = fitted("together", "black-forest-labs/FLUX.1-schnell", asking(true, 2));
    EXPECT_FALSE(sent->params.has(Param::stream));
    EXPECT_FALSE(sent->params.has(Param::partial_images));
    ASSERT_EQ(sent->adjustments.size(), 1U);
    EXPECT_EQ(sent->adjustments[0].reason, "this model has no previews");
}

TEST(FitStream, StrictRefusesPreviewsThatCannotBeAndNeverAStream) {
    const char *model = "black-forest-labs/FLUX.1-schnell";
    EXPECT_TRUE(fitted("together", model, asking(true, 0), FitMode::strict));
    const auto refused = fitted("together", model, asking(true, 1), FitMode::strict);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().param, "partial_images");
}

TEST(FitStream, PreviewsAreInTheMostThatACallCanCost) {
    const ModelSpec &model = *built_in().find("", "openai", "gpt-image-2");
    const auto most = [&](int64_t partials) {
        Params params = asking(true, partials);
        params[Param::size] = std::string_view("1024x1024");
        params[Param::quality] = std::string_view("low");
        return upper_bound({.sent = params}, model).value();
    };
    EXPECT_GT(most(3), most(0));
    EXPECT_EQ(most(3) - most(0), 3 * (most(1) - most(0)));
}

}  // namespace
}  // namespace gateway
