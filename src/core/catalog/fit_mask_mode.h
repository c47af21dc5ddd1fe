// Step 5 for mask_mode and mask_feather: whether what a model returns can be put together with the
// original, as far as that is known before it is asked. A pure function.
#pragma once

#include <optional>
#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"
#include "core/catalog/fit.h"
#include "core/request/image_request.h"
#include "core/request/input_image.h"

namespace gateway {

struct FittedMaskMode {
    std::optional<int> exact_feather;  // not set: images stay as the model returns them
    std::vector<Adjustment> adjustments;
};

// `inputs` is null if the request has no input images. `sent` are the parameters that are sent to
// the model. FitMode::strict refuses instead of listing.
tl::expected<FittedMaskMode, ApiError> fit_mask_mode(const ImageRequest &request,
                                                     const InputImages *inputs, const Params &sent,
                                                     FitMode mode);

}  // namespace gateway
