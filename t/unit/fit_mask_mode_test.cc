// mask_mode "exact": what is known before a model is asked.
#include "core/catalog/fit_mask_mode.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace gateway {
namespace {

struct FitMaskModeTest : testing::Test {
    FitMaskModeTest() {
        request.mask_mode.exact = true;
        InputImage image;
        image.content = Content::in_memory("png");
        image.facts.format = ImageFormat::png;
        image.facts.width = 64;
        image.facts.height = 48;
        inputs.images = {image, image};
        inputs.mask = image;
    }

    [[nodiscard]] tl::expected<FittedMaskMode, ApiError> fit(FitMode mode) const {
        return fit_mask_mode(request, has_inputs ? &inputs : nullptr, sent, mode);
    }
    // The reason of the only adjustment, in whose place strict fitting has an error of its field.
    [[nodiscard]] std::string why_not(const std::string &field = "mask_mode") const {
        const auto adapted = fit(FitMode::adapt);
        const auto strict = fit(FitMode::strict);
        if (strict || !adapted || adapted->adjustments.size() != 1) {
            return "served";
        }
        const Adjustment &adjustment = adapted->adjustments.front();
        EXPECT_FALSE(adapted->exact_feather);
        EXPECT_EQ(adjustment.param, field);
        EXPECT_EQ(strict.error().status, 400);
        EXPECT_EQ(strict.error().param, field);
        EXPECT_EQ(strict.error().code, "invalid_value");
        EXPECT_NE(strict.error().message.find(adjustment.reason), std::string::npos);
        return adjustment.reason;
    }

    ImageRequest request;
    InputImages inputs;
    bool has_inputs = true;
    Params sent;
};

TEST_F(FitMaskModeTest, ServesAPngWithAMask) {
    for (const FitMode mode : {FitMode::adapt, FitMode::strict}) {
        const auto fitted = fit(mode);
        ASSERT_TRUE(fitted);
        EXPECT_EQ(fitted->exact_feather, 8);
        EXPECT_TRUE(fitted->adjustments.empty());
    }
    request.mask_mode.feather = 0;
    sent[Param::size] = std::string_view("64x48");
    sent[Param::output_format] = std::string_view("png");
    EXPECT_EQ(fit(FitMode::strict)->exact_feather, 0);
    sent[Param::size] = std::string_view("auto");
    EXPECT_EQ(fit(FitMode::strict)->exact_feather, 0);
    request.mask_mode.exact = false;
    request.mask_mode.feather.reset();
    EXPECT_FALSE(fit(FitMode::strict)->exact_feather);
    EXPECT_TRUE(fit(FitMode::adapt)->adjustments.empty());
}

TEST_F(FitMaskModeTest, SaysWhyItCannotBeServed) {
    InputImage &image = inputs.images.front();
    const struct {
        std::function<void()> change;
        std::string why;
    } kRows[] = {
        {[&] { has_inputs = false; }, "the request has no mask"},
        {[&] { inputs.mask.reset(); }, "the request has no mask"},
        {[&] { image.content = {}; },
         "the gateway does not have the first image, only its file_id"},
        {[&] { image.facts.format = ImageFormat::jpeg; }, "the first image is a jpeg, not a png"},
        {[&] { image.facts.orientation = 6; }, "the first image has an EXIF orientation"},
        {[&] { image.facts.has_16_bits = true; }, "the first image has 16 bits per channel"},
        {[&] {
             image.facts.width = 4097;
             image.facts.height = 4096;
         },
         "the first image has more than 16777216 pixels"},
        {[&] { sent[Param::output_format] = std::string_view("webp"); },
         "the images will be webp, not png"},
        {[&] { sent[Param::size] = std::string_view("48x64"); },
         "the images will have 48x64 pixels, the first image has 64x48"},
    };
    const InputImages good = inputs;
    for (const auto &row : kRows) {
        inputs = good;
        has_inputs = true;
        sent = {};
        row.change();
        EXPECT_EQ(why_not(), row.why);
    }
}

TEST_F(FitMaskModeTest, ListsAFeatherThatHasNoEdge) {
    request.mask_mode.exact = false;
    request.mask_mode.feather = 3;
    EXPECT_EQ(why_not("mask_feather"), "only for mask_mode exact");
}

TEST_F(FitMaskModeTest, SaysThatPreviewsAreTheModels) {
    sent[Param::partial_images] = int64_t{2};
    const auto fitted = fit(FitMode::strict);
    ASSERT_TRUE(fitted);
    EXPECT_EQ(fitted->exact_feather, 8);
    ASSERT_EQ(fitted->adjustments.size(), 1U);
    EXPECT_TRUE(fitted->adjustments[0].reason.starts_with("previews are as the model sends them"));
}

}  // namespace
}  // namespace gateway
