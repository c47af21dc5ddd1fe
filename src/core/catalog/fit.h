// Step 5: what of a request a model is sent, and what had to be adapted or left out.
#pragma once

#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"
#include "core/catalog/catalog.h"
#include "core/request/image_request.h"

namespace gateway {

enum class FitMode : uint8_t { adapt, strict };

struct Fitted {
    Params params;
    std::vector<Adjustment> adjustments;
};

// Every parameter of the request is sent as asked, sent adapted and listed, or left out and listed.
// Strict refuses where adapt would have to list.
tl::expected<Fitted, ApiError> fit(const Params &asked, const ModelSpec &model, FitMode mode);

}  // namespace gateway
