// Step 5 for one candidate: the request fitted to its model, and ready to be made a call of.
#pragma once

#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/catalog/fit.h"
#include "core/request/image_request.h"
#include "core/routing/model_map.h"

namespace gateway {

// What decides about every candidate alike. All of it must outlive what is prepared.
struct Preparation {
    const ImageRequest &request;
    const Catalogue &catalogue;
    FitMode mode = FitMode::adapt;
    std::string_view requested_model;
    std::string_view on_behalf_of;
    int64_t now = 0;  // unix seconds
};

// One of the calls that make the images together.
struct CallShare {
    Params params;
    int64_t first = 0;   // the place of its first image among all
    int64_t images = 1;  // that it asks for
};

struct Prepared {
    const ModelSpec *spec = nullptr;
    Fitted fitted;                  // with all that the caller must be told
    std::vector<CallShare> calls;   // usually one
    std::vector<JsonValue> passed;  // unknown fields that this provider may be sent
    [[nodiscard]] int64_t images() const {
        return calls.empty() ? 0 : calls.back().first + calls.back().images;
    }
};

tl::expected<Prepared, ApiError> prepare(const Candidate &candidate,
                                         const Preparation &preparation);

}  // namespace gateway
