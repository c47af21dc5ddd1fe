// Checks input images before anything is spent.
#pragma once

#include <vector>

#include "core/api_error.h"
#include "core/request/input_image.h"

namespace gateway {

inline constexpr const char *kInvalidImage = "invalid_image";

// All problems of the images, with their numbers.
std::vector<Problem> check_inputs(const InputImages &inputs, const InputLimits &limits);

}  // namespace gateway
