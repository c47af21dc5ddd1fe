// Step 5: fits a request to a model. Returns the parameters to send, and the adjustments. A pure
// function.
#pragma once

#include <forward_list>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"
#include "core/catalog/model_spec.h"
#include "core/request/image_request.h"

namespace gateway {

enum class FitMode : uint8_t { adapt, strict };

// Refers to the request and to the model's row. Both must outlive it.
struct Fitted {
    Params params;
    std::vector<Adjustment> adjustments;
    std::vector<int64_t> calls;            // the number of images of each call; usually one call
    std::forward_list<std::string> texts;  // texts of the gateway that `params` refers to

    // Stores a text of the gateway, for use as a value in `params`.
    std::string_view keep(std::string text) { return texts.emplace_front(std::move(text)); }
};

// Sends every parameter as requested, or adapts it and lists the change, or leaves it out and lists
// that. FitMode::strict refuses the request instead of listing, except for an "auto" if the model
// has no such parameter.
tl::expected<Fitted, ApiError> fit(const Params &requested, const ModelSpec &model, FitMode mode,
                                   Operation operation = Operation::generate,
                                   bool has_mask = false);

}  // namespace gateway
