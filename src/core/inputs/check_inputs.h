// Checks input images before anything is spent.
#pragma once

#include <vector>

#include "core/api_error.h"
#include "core/request/input_image.h"

namespace gateway {

inline constexpr const char *kInvalidImage = "invalid_image";

// All problems of the images, with their numbers.
std::vector<Problem> check_inputs(const InputImages &inputs, const InputLimits &limits);

// The size of the image as it is shown: its EXIF orientation may turn it.
struct ShownSize {
    int width = 0;
    int height = 0;
    friend bool operator==(const ShownSize &, const ShownSize &) = default;
};
ShownSize shown_size(const ImageFacts &facts);

// "1024x768"
std::string size_text_of(const ImageFacts &facts);

}  // namespace gateway
