// Step 4: from the name asked for to the candidates, in the order in which they are tried.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/access/identify.h"
#include "core/api_error.h"
#include "core/routing/model_map.h"

namespace gateway {

struct Plan {
    std::vector<Candidate> candidates;
    RouteChoice choice;
};

// By the patterns of the caller's key. The case of letters matters where it does to the provider.
bool may_use(const Caller &caller, const Candidate &candidate);

// The model, then the caller's own fallbacks, then those of the caller's key; each at most once.
tl::expected<Plan, ApiError> make_plan(const ModelMap &models, const Caller &caller,
                                       std::string_view model,
                                       const std::vector<std::string> &fallbacks, Random &random);

}  // namespace gateway
