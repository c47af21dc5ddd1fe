// Step 5 for the input images: whether a model takes them as they are. None is ever scaled or
// encoded anew, so a model that does not take one is passed over.
#pragma once

#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"
#include "core/catalog/fit.h"
#include "core/catalog/model_spec.h"
#include "core/request/image_request.h"
#include "core/request/input_image.h"

namespace gateway {

struct FittedInputs {
    const InputImage *mask = nullptr;  // in the model's form; null: the request has none
    std::vector<Adjustment> adjustments;
};

// The mask must have been converted to the model's form. FitMode::strict refuses a mask that would
// not be sent as it was meant.
tl::expected<FittedInputs, ApiError> fit_inputs(const InputImages &inputs, const ModelSpec &model,
                                                FitMode mode);

}  // namespace gateway
