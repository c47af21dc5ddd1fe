// What a model takes of input images: how many, and how large each and all together.
#include "core/catalog/fit_inputs.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

InputImages images_of(std::initializer_list<size_t> sizes) {
    InputImages inputs;
    for (const size_t size : sizes) {
        InputImage image;
        image.field = "image";
        image.content = Content::in_memory(std::string(size, 'x'));
        image.facts = {};
        image.facts.format = ImageFormat::png;
        image.facts.width = image.facts.height = 64;
        inputs.images.push_back(std::move(image));
    }
    return inputs;
}

TEST(FitInputs, BoundsTheSumOfAllImages) {
    ModelSpec model;
    model.inputs.max = 3;
    model.inputs.max_total_bytes = 100;
    EXPECT_TRUE(fit_inputs(images_of({100}), model, FitMode::adapt));
    EXPECT_TRUE(fit_inputs(images_of({50, 49, 1}), model, FitMode::adapt));
    const auto refused = fit_inputs(images_of({50, 50, 1}), model, FitMode::adapt);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 400);
    EXPECT_EQ(refused.error().code, "image_too_large");
    EXPECT_EQ(refused.error().message,
              "The input images have 101 bytes together; this model takes at most 100.");
}

TEST(FitInputs, TakesAFileIdWhereTheModelDoes) {
    ModelSpec model;
    model.inputs.max = 3;
    model.inputs.max_bytes_beside_file_ids = 100;
    InputImages inputs = images_of({101});
    EXPECT_TRUE(fit_inputs(inputs, model, FitMode::adapt)) << "without any id";
    inputs.images.emplace_back().field = "images[1].file_id";
    inputs.images.back().file_id = "file-1";
    const auto refused = fit_inputs(inputs, model, FitMode::adapt);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "unsupported_parameter");
    EXPECT_EQ(refused.error().param, "images[1].file_id");
    model.inputs.takes_file_ids = true;
    const auto too_large = fit_inputs(inputs, model, FitMode::adapt);
    ASSERT_FALSE(too_large);
    EXPECT_EQ(too_large.error().message,
              "image has 101 bytes; beside a file_id, this model takes at most 100.");
    inputs.images.front() = images_of({100}).images.front();
    EXPECT_TRUE(fit_inputs(inputs, model, FitMode::strict));
}

TEST(FitInputs, CannotConvertAMaskThatOnlyTheProviderHas) {
    ModelSpec model;
    model.inputs.takes_file_ids = true;
    InputImages inputs = images_of({10});
    inputs.mask.emplace().field = "mask.file_id";
    inputs.mask->file_id = "file-1";
    const auto code = [&] {
        const auto fitted = fit_inputs(inputs, model, FitMode::adapt);
        return fitted ? fitted->mask->file_id : fitted.error().code + " " + fitted.error().param;
    };
    EXPECT_EQ(code(), "unsupported_parameter mask.file_id") << "it takes no masks";
    model.inputs.mask = MaskForm{MaskKind::white, MaskLevels::grey};
    EXPECT_EQ(code(), "unsupported_parameter mask.file_id");
    model.inputs.mask = MaskForm{MaskKind::alpha, MaskLevels::grey};
    EXPECT_EQ(code(), "file-1");
    model.inputs.takes_file_ids = false;
    EXPECT_EQ(code(), "unsupported_parameter mask.file_id");
}

TEST(FitInputs, ListsAMaskThatSelectsNothing) {
    ModelSpec model;
    model.inputs.mask = MaskForm{MaskKind::alpha, MaskLevels::grey};
    InputImages inputs = images_of({100});
    inputs.mask = inputs.images.front();
    ConvertedMask mask{*model.inputs.mask, *inputs.mask, {}};
    mask.result.outcome = MaskOutcome::unchanged;
    mask.result.had_alpha = true;
    mask.result.edit_share = 0.01;
    inputs.masks = {mask};
    EXPECT_TRUE(fit_inputs(inputs, model, FitMode::strict)->adjustments.empty());
    inputs.masks.front().result.edit_share = 0;
    const auto fitted = fit_inputs(inputs, model, FitMode::strict);
    ASSERT_TRUE(fitted);
    ASSERT_EQ(fitted->adjustments.size(), 1U);
    EXPECT_EQ(fitted->adjustments.front().reason,
              "no pixel of the mask is transparent, so it selects nothing to edit");
}

}  // namespace
}  // namespace gateway
