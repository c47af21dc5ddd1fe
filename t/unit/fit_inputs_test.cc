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

}  // namespace
}  // namespace gateway
