// Step 5: what of a request a model is sent, and what had to be adapted or left out. A pure
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

// Refers to the request and to the model's specification, which must outlive it.
struct Fitted {
    Params params;
    std::vector<Adjustment> adjustments;
    std::vector<int64_t> calls;            // how many images each call asks for; usually one call
    std::forward_list<std::string> texts;  // what `params` refers to and nobody wrote

    // A text of our own as a value.
    std::string_view keep(std::string text) { return texts.emplace_front(std::move(text)); }
};

// Every parameter of the request is sent as asked, sent adapted and listed, or left out and listed.
// Strict refuses where adapt would have to list, unless it is an "auto" for a model that has no
// choice.
tl::expected<Fitted, ApiError> fit(const Params &asked, const ModelSpec &model, FitMode mode);

}  // namespace gateway
