// Step 4: from the name asked for to the candidates, in the order in which they are tried; and step
// 5, what each of them is sent.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/access/identify.h"
#include "core/api_error.h"
#include "core/rare.h"
#include "core/routing/model_map.h"
#include "core/routing/prepare.h"

namespace gateway {

struct Plan {
    std::vector<Candidate> candidates;
    RouteChoice choice;

    // The request as this candidate is sent it, or why it cannot take it. Made once, at first use;
    // each time the preparation must be the same.
    const tl::expected<Prepared, ApiError> &prepared(size_t index, const Preparation &preparation);

 private:
    std::vector<Rare<tl::expected<Prepared, ApiError>>> prepared_;
};

// By the patterns of the caller's key. The case of letters matters where it does to the provider.
bool may_use(const Caller &caller, const Candidate &candidate);

// The model, then the caller's own fallbacks, then those of the caller's key; each at most once.
tl::expected<Plan, ApiError> make_plan(const ModelMap &models, const Caller &caller,
                                       std::string_view model,
                                       const std::vector<std::string> &fallbacks, Random &random);

}  // namespace gateway
