// Step 4: resolves the requested model to candidates, in the order in which they are tried. Step 5:
// prepares the request for each of them.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/access/identify.h"
#include "core/api_error.h"
#include "core/rare.h"
#include "core/routing/asked_before.h"
#include "core/routing/model_map.h"
#include "core/routing/prepare.h"

namespace gateway {

struct Plan {
    std::vector<Candidate> candidates;
    RouteChoice choice;
    bool varies_by_edits = false;  // as the requested alias says
    size_t requested = 0;          // how many of the candidates the requested model has
    AskedBefore before;            // by a worker that has died

    // The prepared request for this candidate, or why the request does not fit it. Prepared at the
    // first use. Every use must pass the same preparation.
    const tl::expected<Prepared, ApiError> &prepared(size_t index, const Preparation &preparation);
    // Of a making that another process began, with the only candidate.
    void resume(Candidate candidate, Prepared prepared);

 private:
    std::vector<Rare<tl::expected<Prepared, ApiError>>> prepared_;
};

// Whether a pattern of the caller's key matches the candidate. Ignores case if the provider does.
bool may_use(const Caller &caller, const Candidate &candidate);

// The requested model, then the request's fallbacks, then those of the caller's key. Each candidate
// occurs at most once.
tl::expected<Plan, ApiError> make_plan(const ModelMap &models, const Caller &caller,
                                       std::string_view model,
                                       const std::vector<std::string> &fallbacks, Random &random);

// Moves the models that make variations to the front.
void put_variations_first(Plan &plan, const Catalogue &catalogue);

}  // namespace gateway
