// Step 5 for one candidate: fits the request to its model and divides it into calls.
#pragma once

#include <optional>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/catalog/fit.h"
#include "core/catalog/fit_inputs.h"
#include "core/catalog/price.h"
#include "core/money.h"
#include "core/providers/provider_request.h"
#include "core/request/image_request.h"
#include "core/routing/model_map.h"

namespace gateway {

// What is the same for all candidates. All of it must outlive the prepared requests.
struct Preparation {
    const ImageRequest &request;
    const Catalogue &catalogue;
    FitMode mode = FitMode::adapt;
    std::string_view requested_model;
    std::string_view on_behalf_of;
    int64_t now = 0;                      // unix seconds
    const InputImages *inputs = nullptr;  // null: the request has no input images
    bool varies_by_edits = false;         // variations by models that can only edit
};

// One of the calls that together make the images.
struct CallShare {
    Params params;
    int64_t first = 0;   // index of its first image among all images
    int64_t images = 1;  // that it requests
};

struct Prepared {
    const ModelSpec *spec = nullptr;
    Fitted fitted;                  // with the adjustments
    std::vector<CallShare> calls;   // usually one
    std::vector<JsonValue> passed;  // unknown fields that are forwarded
    CallInputs inputs;              // of each call
    std::vector<Pixels> input_sizes;
    // Of mask_mode "exact"; not set: images stay as the model returns them.
    std::optional<int> exact_feather;
    // Of max_cost(), which is asked several times.
    mutable std::optional<std::optional<MicroUsd>> known_max_cost = {};

    [[nodiscard]] int64_t images() const {
        return calls.empty() ? 0 : calls.back().first + calls.back().images;
    }
    // The most that all calls together can cost. Nothing if the model has no price. The calls must
    // not change after it was asked.
    [[nodiscard]] std::optional<MicroUsd> max_cost() const;
    [[nodiscard]] PricedCall priced(const CallShare &call) const {
        return {call.params, call.images, static_cast<int64_t>(inputs.images.size()), 0,
                input_sizes};
    }
};

tl::expected<Prepared, ApiError> prepare(const Candidate &candidate,
                                         const Preparation &preparation);

}  // namespace gateway
