// Input images that only a provider has, named by the id of a file. A file belongs to one account,
// so its id is sent to one account only, and never to a provider that has no files.
#pragma once

#include <optional>
#include <tl/expected.hpp>

#include "core/api_error.h"
#include "core/catalog/catalog.h"
#include "core/request/input_image.h"
#include "core/routing/plan.h"

namespace gateway {

// Removes the candidates whose files are another account's. That account is the only one among the
// candidates of the requested model; if these have no files, then among the fallbacks. If there are
// several, nobody can tell whose file it is, and the request is an error.
tl::expected<void, ApiError> keep_one_file_account(Plan &plan, const Catalogue &catalogue,
                                                   const InputImages &inputs);

// Why this candidate cannot be sent the ids of the request; nothing if it can, or if there are
// none. Whether the model takes them is checked with its other inputs.
std::optional<ApiError> refuse_file_ids(const Candidate &candidate, const InputImages &inputs);

}  // namespace gateway
